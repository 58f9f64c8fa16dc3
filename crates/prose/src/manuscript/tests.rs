//! What is written comes back, and what is typed becomes what was meant.

use super::*;
use crate::document::Figure;
use proptest::prelude::*;

fn text(text: &str) -> Inline {
    Inline::text(text)
}

fn back(blocks: Vec<Block>) -> (String, Document) {
    let document = Document::new(blocks).unwrap();
    let written = document.to_manuscript();
    let read = Document::from_manuscript(&written, &document).unwrap();
    assert!(alike(&read.blocks, &document.blocks), "{written}\n{:?}\n{:?}", document.blocks, read.blocks);
    (written, read)
}

#[test]
fn an_article_is_written_as_people_write_and_comes_back() {
    let (written, _) = back(vec![
        Block::Heading { level: 2, inlines: vec![text("Day 3")] },
        Block::Paragraph {
            inlines: vec![
                text("The "),
                Inline::Strong { inlines: vec![Inline::link("/articles/port/", "port")] },
                text(" is _open_ again, "),
                Inline::Emphasis { inlines: vec![text("for now")] },
                text(": 5 * 3, CO"),
                Inline::Sub { inlines: vec![text("2")] },
                text(" [sic]."),
                Inline::Break,
                text("- not a list"),
            ],
        },
        Block::List {
            ordered: false,
            items: vec![
                vec![Block::paragraph("one")],
                vec![
                    Block::paragraph("two"),
                    Block::List {
                        ordered: true,
                        items: vec![vec![Block::paragraph("deep")], vec![Block::paragraph("er")]],
                    },
                ],
            ],
        },
        Block::List { ordered: false, items: vec![vec![Block::paragraph("another list")]] },
        Block::Quote { blocks: vec![Block::paragraph("We stay."), Block::paragraph("We do.")] },
        Block::Figure(Figure {
            src: "https://other.example/1_(2).jpg".into(),
            alt: "A [big] crane".into(),
            caption: Some("The crane".into()),
            credit: Some("Ana Ruiz".into()),
        }),
        Block::Preformatted { text: "a\n  b\n\nc".into() },
        Block::Table {
            header: vec![vec![text("Ship")], vec![text("From | to")]],
            rows: vec![vec![vec![text("Aurora")], vec![Inline::Code { text: "a b".into() }]]],
        },
        Block::Rule,
        Block::paragraph("1. begins like a number, and 3. not"),
    ]);
    let wanted = "\
## Day 3

The **[port](/articles/port/)** is \\_open\\_ again, _for now_: 5 \\* 3, CO~2~ \\[sic\\].\\
\\- not a list

- one
- two
  1. deep
  2. er

- another list

> We stay.
>
> We do.

![A \\[big\\] crane](https://other.example/1_(2).jpg)
caption: The crane
credit: Ana Ruiz

```
a
  b

c
```

| Ship | From \\| to |
| --- | --- |
| Aurora | `a b` |

---

1\\. begins like a number, and 3. not";
    assert_eq!(written, wanted);
}

#[test]
fn what_cannot_be_typed_is_kept_and_may_be_moved_or_taken_out() {
    let odd = Block::Paragraph {
        inlines: vec![text("un"), Inline::Emphasis { inlines: vec![text("believ")] }, text("able")],
    };
    let document = Document::new(vec![Block::paragraph("First."), odd.clone(), Block::paragraph("Last.")]).unwrap();
    let written = document.to_manuscript();
    assert_eq!(written, "First.\n\n[[kept 2: paragraph]]\n\nLast.");
    let moved = Document::from_manuscript("[[kept 2: paragraph]]\n\nFirst!", &document).unwrap();
    assert_eq!(moved.blocks, [odd, Block::paragraph("First!")]);
    let gone = Document::from_manuscript("[[kept 9: table]]", &document);
    assert_eq!(gone, Err(ManuscriptFault::NoSuchBlock(1)));
}

#[test]
fn what_people_type_becomes_what_they_meant() {
    let read = |typed: &str| Document::from_manuscript(typed, &Document::default()).unwrap().blocks;
    assert_eq!(read("one\r\ntwo\r\n\r\n\r\nthree  "), [Block::paragraph("one two"), Block::paragraph("three")]);
    assert_eq!(read("# Top"), [Block::Heading { level: 2, inlines: vec![text("Top")] }]);
    assert_eq!(read("##no"), [Block::paragraph("##no")]);
    assert_eq!(read("* a\n* b").len(), 1);
    assert_eq!(read("a * b and snake_case_name and 2^n"), [Block::paragraph("a * b and snake_case_name and 2^n")]);
    assert_eq!(read("[x](javascript:alert(1))"), [Block::paragraph("[x](javascript:alert(1))")]);
    assert_eq!(read("![x](nowhere)"), [Block::paragraph("![x](nowhere)")]);
    assert_eq!(read("**never closed"), [Block::paragraph("**never closed")]);
    assert_eq!(read("```\nnever closed").len(), 1);
    assert_eq!(read("<b>bold</b> & co"), [Block::paragraph("<b>bold</b> & co")], "markup is text");
    assert_eq!(read(""), []);
    let strong = |inner: Vec<Inline>| vec![Block::Paragraph { inlines: vec![Inline::Strong { inlines: inner }] }];
    assert_eq!(read("**a _b_**"), strong(vec![text("a "), Inline::Emphasis { inlines: vec![text("b")] }]));
    assert_eq!(read("*a*"), [Block::Paragraph { inlines: vec![Inline::Emphasis { inlines: vec![text("a")] }] }]);
}

#[test]
fn too_much_is_refused_and_nothing_is_cut() {
    let deep = "> ".repeat(40) + "x";
    assert!(Document::from_manuscript(&deep, &Document::default()).is_err());
    let long = "x".repeat(crate::TEXT_BYTES_MAX + 1);
    assert!(Document::from_manuscript(&long, &Document::default()).is_err());
    for mark in ["*", "_", "[", "`", "[[", "*_~^[", "> ", "- "] {
        let marks = mark.repeat(60_000);
        if let Ok(read) = Document::from_manuscript(&marks, &Document::default()) {
            assert_eq!(read.plain_text().trim(), marks.trim(), "{mark}");
        }
    }
}

fn inline() -> impl Strategy<Value = Inline> {
    let words = prop_oneof!["[a-z ]{0,8}", "[*_~^`\\\\\\[\\]()!#>| .\n0-9-]{0,6}", "\\PC{0,6}"];
    let leaf = prop_oneof![
        words.clone().prop_map(Inline::text),
        words.prop_map(|text| Inline::Code { text }),
        Just(Inline::Break)
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let several = proptest::collection::vec(inner, 0..3);
        prop_oneof![
            several.clone().prop_map(|inlines| Inline::Strong { inlines }),
            several.clone().prop_map(|inlines| Inline::Emphasis { inlines }),
            several.clone().prop_map(|inlines| Inline::Sup { inlines }),
            several.prop_map(|inlines| Inline::Link { href: "https://a.example/(b)_c".into(), inlines }),
        ]
    })
}

fn block() -> impl Strategy<Value = Block> {
    let inlines = || proptest::collection::vec(inline(), 0..4);
    let leaf = prop_oneof![
        4 => inlines().prop_map(|inlines| Block::Paragraph { inlines }),
        1 => (2..=4_u8, inlines()).prop_map(|(level, inlines)| Block::Heading { level, inlines }),
        1 => Just(Block::Rule),
        1 => "[a-z`|\n ]{0,12}".prop_map(|text| Block::Preformatted { text }),
        1 => (inlines(), inlines()).prop_map(|(a, b)| Block::Table { header: vec![a], rows: vec![vec![b]] }),
        1 => ("[^\n]{0,6}", "[^\n]{0,6}").prop_map(|(alt, credit)| Block::Figure(Figure {
            src: "/pictures/a.jpg".into(), alt, caption: None, credit: Some(credit)
        })),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        let several = proptest::collection::vec(inner, 0..3);
        prop_oneof![
            several.clone().prop_map(|blocks| Block::Quote { blocks }),
            (any::<bool>(), proptest::collection::vec(several, 0..3))
                .prop_map(|(ordered, items)| Block::List { ordered, items }),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_document_holds_comes_back(blocks in proptest::collection::vec(block(), 0..5)) {
        let document = Document { blocks };
        let read = Document::from_manuscript(&document.to_manuscript(), &document).unwrap();
        prop_assert!(alike(&read.blocks, &document.blocks), "{}", document.to_manuscript());
    }

    #[test]
    fn whatever_is_typed_is_read_or_refused(typed in "[a-c*_~^`\\\\\\[\\]()!#>| .\n0-9-]{0,80}") {
        if let Ok(read) = Document::from_manuscript(&typed, &Document::default()) {
            let again = Document::from_manuscript(&read.to_manuscript(), &read).unwrap();
            prop_assert!(alike(&again.blocks, &read.blocks));
        }
    }
}
