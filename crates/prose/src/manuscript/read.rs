//! What an editor typed, as blocks. It never drops a word: what is no mark is text.

use super::{ManuscriptFault, kept_place};
use crate::document::{BLOCK_DEPTH_MAX, Block, DocumentFault, Figure, INLINE_DEPTH_MAX, Inline};
use crate::link;

/// A mark closes within this many characters, or is none: longer than any sentence, and what keeps a text of nothing but
/// marks from being read again for each of them.
const MARKED_CHARS_MAX: usize = 4_000;

/// The blocks of a text; lines that name a kept block take it from `kept`.
pub(super) fn blocks(text: &str, kept: &[Block]) -> Result<Vec<Block>, ManuscriptFault> {
    let lines: Vec<(usize, String)> =
        text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end().replace('\t', "    "))).collect();
    Reader { kept }.blocks(&lines, 1)
}

/// A line, with its number in the whole text.
type Line = (usize, String);

struct Reader<'a> {
    kept: &'a [Block],
}

impl Reader<'_> {
    fn blocks(&self, lines: &[Line], depth: usize) -> Result<Vec<Block>, ManuscriptFault> {
        if depth > BLOCK_DEPTH_MAX {
            return Err(DocumentFault::TooDeep.into());
        }
        let (mut blocks, mut at) = (Vec::new(), 0);
        while at < lines.len() {
            if lines[at].1.is_empty() {
                at += 1;
                continue;
            }
            let (block, used) = self.block(&lines[at..], depth)?;
            blocks.push(block);
            at += used;
        }
        Ok(blocks)
    }

    /// The block that begins at the first line, and how many lines it takes.
    fn block(&self, lines: &[Line], depth: usize) -> Result<(Block, usize), ManuscriptFault> {
        let (number, first) = &lines[0];
        if let Some(place) = kept_place(first) {
            let block = self.kept.get(place).ok_or(ManuscriptFault::NoSuchBlock(*number))?;
            return Ok((block.clone(), 1));
        }
        if let Some((level, text)) = heading(first) {
            return Ok((Block::Heading { level, inlines: inlines(text) }, 1));
        }
        if first.len() >= 3 && first.bytes().all(|b| b == b'-') {
            return Ok((Block::Rule, 1));
        }
        if first.starts_with("```")
            && let Some(found) = set_text(lines)
        {
            return Ok(found);
        }
        if first.starts_with('>') {
            return self.quote(lines, depth);
        }
        if item_mark(first).is_some() {
            return self.list(lines, depth);
        }
        if first.starts_with('|') && first.len() > 1 && first.ends_with('|') {
            return Ok(table(lines));
        }
        if let Some(found) = figure(lines) {
            return Ok(found);
        }
        Ok(self.paragraph(lines))
    }

    fn quote(&self, lines: &[Line], depth: usize) -> Result<(Block, usize), ManuscriptFault> {
        let inside = |line: &Line| line.1.strip_prefix('>').map(|rest| (line.0, unpadded(rest).to_owned()));
        let inner: Vec<Line> = lines.iter().map_while(inside).collect();
        Ok((Block::Quote { blocks: self.blocks(&inner, depth + 1)? }, inner.len()))
    }

    fn list(&self, lines: &[Line], depth: usize) -> Result<(Block, usize), ManuscriptFault> {
        let (ordered, _) = item_mark(&lines[0].1).expect("the caller saw a mark");
        let (mut items, mut at) = (Vec::new(), 0);
        while let Some((_, width)) = lines.get(at).and_then(|l| item_mark(&l.1)).filter(|(kind, _)| *kind == ordered) {
            let mut inner = vec![(lines[at].0, lines[at].1[width..].trim_start().to_owned())];
            at += 1;
            while let Some(line) = lines.get(at) {
                // A blank line belongs to the item when what follows it is indented.
                let blank =
                    line.1.is_empty() && lines[at..].iter().find(|l| !l.1.is_empty()).is_some_and(|l| indent(l) >= 2);
                if !blank && indent(line) < 2 {
                    break;
                }
                inner.push((line.0, line.1.get(width.min(indent(line))..).unwrap_or_default().to_owned()));
                at += 1;
            }
            items.push(self.item(&inner, depth)?);
        }
        Ok((Block::List { ordered, items }, at))
    }

    /// An item's own words end where a list inside it begins, blank line or not.
    fn item(&self, lines: &[Line], depth: usize) -> Result<Vec<Block>, ManuscriptFault> {
        if lines.len() == 1 && lines[0].1.is_empty() {
            return Ok(Vec::new());
        }
        self.blocks(lines, depth + 1)
    }

    fn paragraph(&self, lines: &[Line]) -> (Block, usize) {
        // The first line is the paragraph's, whatever it looks like.
        let more = lines.iter().skip(1).take_while(|line| !line.1.is_empty() && !self.begins(&line.1)).count();
        let text: Vec<&str> = lines[..=more].iter().map(|line| line.1.trim_start()).collect();
        (Block::Paragraph { inlines: inlines(&text.join("\n")) }, more + 1)
    }

    /// Whether a line begins a block of its own without a blank line before it.
    fn begins(&self, line: &str) -> bool {
        kept_place(line).is_some()
            || heading(line).is_some()
            || item_mark(line).is_some()
            || line.starts_with('>')
            || line.starts_with("```")
            || line.starts_with("![")
            || (line.len() >= 3 && line.bytes().all(|b| b == b'-'))
    }
}

fn unpadded(text: &str) -> &str {
    text.strip_prefix(' ').unwrap_or(text)
}

fn indent(line: &Line) -> usize {
    line.1.len() - line.1.trim_start_matches(' ').len()
}

fn heading(line: &str) -> Option<(u8, &str)> {
    let marks = line.bytes().take_while(|b| *b == b'#').count();
    let text = line[marks..].strip_prefix(' ')?;
    // The page's only heading of level 1 is the headline: a single mark means the highest one inside.
    matches!(marks, 1..=4).then(|| (u8::try_from(marks.max(2)).expect("at most four"), text.trim()))
}

/// Whether a line begins an item: numbered or not, and how wide its mark is.
fn item_mark(line: &str) -> Option<(bool, usize)> {
    if line == "-" {
        return Some((false, 1));
    }
    if line.starts_with("- ") || line.starts_with("* ") {
        return Some((false, 2));
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=4).contains(&digits) {
        return None;
    }
    match &line[digits..] {
        "." => Some((true, digits + 1)),
        rest if rest.starts_with(". ") => Some((true, digits + 2)),
        _ => None,
    }
}

fn set_text(lines: &[Line]) -> Option<(Block, usize)> {
    let end = lines.iter().skip(1).position(|line| line.1 == "```")? + 1;
    let text = lines[1..end].iter().map(|line| line.1.as_str()).collect::<Vec<_>>().join("\n");
    Some((Block::Preformatted { text }, end + 1))
}

fn table(lines: &[Line]) -> (Block, usize) {
    let rows: Vec<&str> = lines.iter().map(|line| line.1.as_str()).take_while(|line| line.starts_with('|')).collect();
    let used = rows.len();
    let divides = |row: &str| row.bytes().all(|b| matches!(b, b'|' | b'-' | b':' | b' ')) && row.contains('-');
    let with_header = rows.len() > 1 && divides(rows[1]);
    let header = if with_header { cells(rows[0]) } else { Vec::new() };
    let rows = rows.iter().skip(if with_header { 2 } else { 0 }).map(|row| cells(row)).collect();
    (Block::Table { header, rows }, used)
}

fn cells(row: &str) -> Vec<Vec<Inline>> {
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = row.strip_suffix('|').unwrap_or(row);
    let (mut cells, mut cell, mut escaped) = (Vec::new(), String::new(), false);
    for c in row.chars() {
        match c {
            '|' if !escaped => cells.push(std::mem::take(&mut cell)),
            '|' => {
                cell.pop();
                cell.push('|');
            }
            _ => cell.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    cells.push(cell);
    cells.iter().map(|cell| inlines(cell.trim())).collect()
}

fn figure(lines: &[Line]) -> Option<(Block, usize)> {
    let inside = lines[0].1.strip_prefix("![")?.strip_suffix(')')?;
    let (alt, src) = inside.rsplit_once("](")?;
    link::on_page(src)?;
    let mut figure = Figure { src: src.to_owned(), alt: unescaped(alt), caption: None, credit: None };
    let mut used = 1;
    for (name, place) in [("caption: ", &mut figure.caption), ("credit: ", &mut figure.credit)] {
        if let Some(value) = lines.get(used).and_then(|line| line.1.strip_prefix(name)) {
            *place = Some(value.trim().to_owned());
            used += 1;
        }
    }
    Some((Block::Figure(figure), used))
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().unwrap_or('\\')),
            c => out.push(c),
        }
    }
    out
}

/// The runs of a line or of a paragraph's lines.
fn inlines(text: &str) -> Vec<Inline> {
    let chars: Vec<char> = text.chars().collect();
    let mut scribe = Scribe { chars: &chars, out: Vec::new(), text: String::new() };
    scribe.run(0, chars.len(), 1);
    scribe.out
}

struct Scribe<'a> {
    chars: &'a [char],
    out: Vec<Inline>,
    text: String,
}

impl Scribe<'_> {
    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.out.push(Inline::Text { text: std::mem::take(&mut self.text) });
        }
    }

    fn put(&mut self, inline: Inline) {
        self.flush();
        self.out.push(inline);
    }

    fn run(&mut self, mut at: usize, end: usize, depth: usize) {
        while at < end {
            at = self.step(at, end, depth);
        }
        self.flush();
    }

    /// Reads what stands at `at`; gives where it ends.
    fn step(&mut self, at: usize, end: usize, depth: usize) -> usize {
        let c = self.chars[at];
        match c {
            '\\' if at + 1 < end && self.chars[at + 1] == '\n' => {
                self.put(Inline::Break);
                return at + 2;
            }
            // A backslash takes a mark for itself; before anything else it is one itself.
            '\\' if at + 1 < end && !self.chars[at + 1].is_alphanumeric() && !self.chars[at + 1].is_whitespace() => {
                self.text.push(self.chars[at + 1]);
                return at + 2;
            }
            '\n' => {
                self.text.push(' ');
                return at + 1;
            }
            '`' => {
                let reach = end.min(at + MARKED_CHARS_MAX);
                if let Some(close) = (at + 1..reach).find(|i| self.chars[*i] == '`').filter(|close| *close > at + 1) {
                    let text = self.chars[at + 1..close].iter().map(|c| if *c == '\n' { ' ' } else { *c }).collect();
                    self.put(Inline::Code { text });
                    return close + 1;
                }
            }
            '[' if depth < INLINE_DEPTH_MAX => {
                if let Some(next) = self.link(at, end, depth) {
                    return next;
                }
            }
            '*' | '_' | '~' | '^' if depth < INLINE_DEPTH_MAX => {
                if let Some(next) = self.marked(at, end, depth) {
                    return next;
                }
            }
            _ => {}
        }
        self.text.push(c);
        at + 1
    }

    fn inside(&self, from: usize, to: usize, depth: usize) -> Vec<Inline> {
        let mut inner = Scribe { chars: self.chars, out: Vec::new(), text: String::new() };
        inner.run(from, to, depth + 1);
        inner.out
    }

    /// `[words](address)`.
    fn link(&mut self, at: usize, end: usize, depth: usize) -> Option<usize> {
        let close = self.closing(at + 1, end, |i| self.chars[i] == ']', true)?;
        if self.chars.get(close + 1) != Some(&'(') || close + 1 >= end {
            return None;
        }
        let (mut open, mut stop) = (1, None);
        for i in close + 2..end.min(close + 2 + link::HREF_BYTES_MAX) {
            match self.chars[i] {
                '(' => open += 1,
                ')' => open -= 1,
                c if c.is_whitespace() => break,
                _ => {}
            }
            if open == 0 {
                stop = Some(i);
                break;
            }
        }
        let stop = stop?;
        let href: String = self.chars[close + 2..stop].iter().collect();
        link::on_page(&href)?;
        let inlines = self.inside(at + 1, close, depth);
        self.put(Inline::Link { href, inlines });
        Some(stop + 1)
    }

    fn marked(&mut self, at: usize, end: usize, depth: usize) -> Option<usize> {
        let c = self.chars[at];
        let double = c == '*' && at + 1 < end && self.chars[at + 1] == '*';
        let width = if double { 2 } else { 1 };
        let from = at + width;
        // A mark stands against what it marks.
        if from >= end || self.chars[from].is_whitespace() || (c == '_' && !self.word_edge(at, from)) {
            return None;
        }
        let closes = |i: usize| {
            let here = self.chars[i] == c && !self.chars[i - 1].is_whitespace();
            match c {
                '*' if double => here && i + 1 < end && self.chars[i + 1] == '*',
                '*' => here && self.chars.get(i + 1) != Some(&'*') && self.chars[i - 1] != '*',
                '_' => here && self.word_edge(i, i + 1),
                _ => here,
            }
        };
        let close = self.closing(from, end, closes, false).filter(|close| *close > from)?;
        let inlines = self.inside(from, close, depth);
        self.put(match c {
            '*' if double => Inline::Strong { inlines },
            '~' => Inline::Sub { inlines },
            '^' => Inline::Sup { inlines },
            _ => Inline::Emphasis { inlines },
        });
        Some(close + width)
    }

    /// An underscore marks only at the edge of a word: `file_name` is a name.
    fn word_edge(&self, mark: usize, after: usize) -> bool {
        let word = |i: Option<usize>| i.and_then(|i| self.chars.get(i)).is_some_and(|c| c.is_alphanumeric());
        !(word(mark.checked_sub(1)) && word(Some(after)))
    }

    /// Where a mark closes: past what is taken for itself, past code, and past links inside.
    fn closing(&self, from: usize, end: usize, closes: impl Fn(usize) -> bool, nests: bool) -> Option<usize> {
        let (mut at, mut deep) = (from, 0_usize);
        let end = end.min(from + MARKED_CHARS_MAX);
        while at < end {
            match self.chars[at] {
                '\\' => {
                    at += 2;
                    continue;
                }
                '`' => {
                    if let Some(close) = (at + 1..end).find(|i| self.chars[*i] == '`') {
                        at = close + 1;
                        continue;
                    }
                }
                '[' if nests => deep += 1,
                ']' if nests && deep > 0 => {
                    deep -= 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            if deep == 0 && closes(at) {
                return Some(at);
            }
            at += 1;
        }
        None
    }
}
