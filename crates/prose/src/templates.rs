//! Templates: one engine for pages, mail, feeds and themes, strict and bounded.
//!
//! A name's ending says what is made and how values are escaped: `.html`, `.xml`, `.txt` (a plain text part) and `.header`
//! (one line, for a subject). A template can include, import and extend only templates of its own ending, so that no text
//! lands in a page unescaped by a detour. In `.html` a [`Clean`] prints as it is; every other value is escaped, always:
//! there is no `safe` filter and `{% autoescape false %}` changes nothing. An undefined name is an error. A template that
//! runs away runs out of fuel. A template never reads the clock, the environment, a file or the network.

use crate::escape;
use crate::link;
use crate::markup::Clean;
use crate::strings;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value, filters};
use serde::Serialize;
use std::collections::BTreeMap;

/// Steps and kilobytes-worth one rendering may spend. An archive of 5,000 articles takes some 2 million; a runaway loop
/// ends within a second.
pub const FUEL_BUDGET: u64 = 20_000_000;
/// How deep templates may call, include and extend: themes reach 6, and each level costs stack.
pub const CALL_DEPTH_MAX: usize = 40;

/// A set of templates, compiled once and shared.
#[derive(Clone, Debug)]
pub struct Templates {
    kinds: BTreeMap<Ending, Environment<'static>>,
}

/// Why a template gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// No template of this name: a mistake in the program, or a theme that lacks a page.
    #[error("there is no template named {0}")]
    Missing(String),
    /// The name ends in none of `.html`, `.xml`, `.txt`, `.header`.
    #[error("the template name {0} must end in .html, .xml, .txt or .header")]
    Ending(String),
    /// It does not compile, or what it asks for is not there: its author must correct it.
    #[error("template {name}, line {line}: {reason}")]
    Broken {
        /// The template at fault.
        name: String,
        /// The line at fault, from 1; 0 when unknown.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// It spent [`FUEL_BUDGET`].
    #[error("template {0} does too much work for one page")]
    Exhausted(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Html,
    Xml,
    Text,
    Header,
}

impl Templates {
    /// Compiles every (name, source) pair.
    pub fn new(sources: &[(&str, &str)]) -> Result<Self, TemplateFault> {
        let mut kinds = BTreeMap::new();
        for (name, source) in sources {
            let ending = Ending::of(name).ok_or_else(|| TemplateFault::Ending((*name).to_owned()))?;
            let environment = kinds.entry(ending).or_insert_with(|| environment(ending));
            let added = environment.add_template_owned((*name).to_owned(), (*source).to_owned());
            added.map_err(|fault| fault_of(name, &fault))?;
        }
        Ok(Self { kinds })
    }

    /// Renders one template.
    pub fn render(&self, name: &str, context: impl Serialize) -> Result<String, TemplateFault> {
        let missing = || TemplateFault::Missing(name.to_owned());
        let environment = Ending::of(name).and_then(|ending| self.kinds.get(&ending)).ok_or_else(missing)?;
        let template = environment.get_template(name).map_err(|_| missing())?;
        template.render(Value::from(Serde(&context))).map_err(|fault| fault_of(name, &fault))
    }

    /// Renders one `.html` template into what another page may print as it is: its author's markup, and values that were
    /// each escaped.
    pub fn render_clean(&self, name: &str, context: impl Serialize) -> Result<Clean, TemplateFault> {
        match Ending::of(name) {
            Some(Ending::Html) => self.render(name, context).map(Clean::vouch),
            _ => Err(TemplateFault::Ending(name.to_owned())),
        }
    }

    /// The names of all templates, in order.
    pub fn names(&self) -> Vec<String> {
        let all = self.kinds.values().flat_map(|environment| environment.templates());
        let mut names: Vec<String> = all.map(|(name, _)| name.to_owned()).collect();
        names.sort_unstable();
        names
    }
}

impl Ending {
    fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "html" => Some(Self::Html),
            "xml" => Some(Self::Xml),
            "txt" => Some(Self::Text),
            "header" => Some(Self::Header),
            _ => None,
        }
    }

    /// What the engine is told. Anything but `None`: what a `set` block or macro captured has been escaped and is marked so.
    fn auto_escape(self) -> AutoEscape {
        match self {
            Self::Html => AutoEscape::Html,
            Self::Xml => AutoEscape::Custom("xml".into()),
            Self::Text => AutoEscape::Custom("txt".into()),
            Self::Header => AutoEscape::Custom("header".into()),
        }
    }

    fn escape(self, text: &str, out: &mut String) {
        match self {
            Self::Html => escape::html(text, out),
            Self::Xml => escape::xml(text, out),
            Self::Text => escape::text(text, out),
            Self::Header => escape::line(text, out),
        }
    }
}

fn environment(ending: Ending) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL_BUDGET));
    environment.set_recursion_limit(CALL_DEPTH_MAX);
    environment.set_auto_escape_callback(move |_| ending.auto_escape());
    environment.set_formatter(move |out, _, value| print(ending, out, value));
    environment.set_syntax(whitespace());
    add_filters(&mut environment);
    add_tests(&mut environment);
    environment.add_function("range", minijinja::functions::range);
    environment
}

/// A block tag alone on its line leaves no line behind.
fn whitespace() -> SyntaxConfig {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    syntax.expect("only delimiters can be refused, and none is set")
}

/// Prints one value: the only place a template's values reach the output.
fn print(ending: Ending, out: &mut Output<'_>, value: &Value) -> Result<(), minijinja::Error> {
    let written = if value.is_undefined() {
        return Err(minijinja::Error::from(ErrorKind::UndefinedError));
    } else if value.is_none() {
        // A field that holds nothing prints as nothing, never as the word "none".
        Ok(())
    } else if let Some(clean) = value.downcast_object_ref::<Clean>() {
        match ending {
            Ending::Html => out.write_str(clean.as_str()),
            _ => out.write_str(&escaped(ending, clean.as_str())),
        }
    } else if value.is_safe() {
        // Only a capture is marked safe here: what it printed went through this function already.
        out.write_str(value.as_str().unwrap_or_default())
    } else if let Some(text) = value.as_str() {
        out.write_str(&escaped(ending, text))
    } else {
        out.write_str(&escaped(ending, &value.to_string()))
    };
    written.map_err(minijinja::Error::from)
}

fn escaped(ending: Ending, text: &str) -> String {
    let mut out = String::new();
    ending.escape(text, &mut out);
    out
}

/// An allow-list: each filter here keeps or lowers trust. Left out are `safe`, `escape`, `replace`, `format`, `indent` and
/// `tojson`, which can raise it.
fn add_filters(environment: &mut Environment<'static>) {
    environment.add_filter("abs", filters::abs);
    environment.add_filter("batch", filters::batch);
    environment.add_filter("bool", filters::bool);
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("groupby", filters::groupby);
    environment.add_filter("int", filters::int);
    environment.add_filter("items", filters::items);
    environment.add_filter("join", filters::join);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("list", filters::list);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("map", filters::map);
    environment.add_filter("max", filters::max);
    environment.add_filter("min", filters::min);
    environment.add_filter("reject", filters::reject);
    environment.add_filter("rejectattr", filters::rejectattr);
    environment.add_filter("reverse", filters::reverse);
    environment.add_filter("round", filters::round);
    environment.add_filter("select", filters::select);
    environment.add_filter("selectattr", filters::selectattr);
    environment.add_filter("slice", filters::slice);
    environment.add_filter("sort", filters::sort);
    environment.add_filter("string", filters::string);
    environment.add_filter("sum", filters::sum);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("unique", filters::unique);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("date", date);
    environment.add_filter("day", day);
    environment.add_filter("time", time);
    environment.add_filter("iso", iso);
    environment.add_filter("rfc2822", rfc2822);
    environment.add_filter("href", href);
    environment.add_filter("label", label);
    environment.add_filter("direction", |language: &str| crate::direction(language).as_str());
}

fn add_tests(environment: &mut Environment<'static>) {
    environment.add_test("defined", minijinja::tests::is_defined);
    environment.add_test("undefined", minijinja::tests::is_undefined);
    environment.add_test("none", minijinja::tests::is_none);
    environment.add_test("eq", minijinja::tests::is_eq);
    environment.add_test("equalto", minijinja::tests::is_eq);
    environment.add_test("ne", minijinja::tests::is_ne);
    environment.add_test("lt", minijinja::tests::is_lt);
    environment.add_test("le", minijinja::tests::is_le);
    environment.add_test("gt", minijinja::tests::is_gt);
    environment.add_test("ge", minijinja::tests::is_ge);
    environment.add_test("in", minijinja::tests::is_in);
    environment.add_test("odd", minijinja::tests::is_odd);
    environment.add_test("even", minijinja::tests::is_even);
    environment.add_test("string", minijinja::tests::is_string);
    environment.add_test("number", minijinja::tests::is_number);
    environment.add_test("sequence", minijinja::tests::is_sequence);
    environment.add_test("mapping", minijinja::tests::is_mapping);
}

fn wrong(reason: impl Into<String>) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, reason.into())
}

/// `{{ "2026-11-24" | date("es") }}`: a local date in a language's long form.
fn date(iso: &str, language: &str) -> Result<String, minijinja::Error> {
    let date: jiff::civil::Date =
        iso.parse().map_err(|_| wrong(format!("{iso:?} is not a date such as 2026-11-24")))?;
    Ok(strings::long_date(date, language))
}

/// `{{ at | day("Europe/Madrid") }}`: the local date of a moment, in ISO form; `date` makes it readable.
fn day(at: i64, zone: &str) -> Result<String, minijinja::Error> {
    Ok(local(at, zone)?.date().to_string())
}

/// `{{ at | time("Europe/Madrid") }}`: the local time of a moment, "06:30".
fn time(at: i64, zone: &str) -> Result<String, minijinja::Error> {
    Ok(local(at, zone)?.strftime("%H:%M").to_string())
}

/// `{{ at | iso }}`: a moment for `datetime` attributes, Atom and sitemaps (RFC 3339).
fn iso(at: i64) -> Result<String, minijinja::Error> {
    Ok(moment(at)?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// `{{ at | rfc2822 }}`: a moment for RSS's `pubDate`.
fn rfc2822(at: i64) -> Result<String, minijinja::Error> {
    Ok(moment(at)?.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string())
}

/// `{{ url | href }}`: the address if it may be linked (http, https, mailto or a path of the site), else `#`.
fn href(address: &str) -> String {
    link::on_page(address).unwrap_or_else(|| "#".to_owned())
}

/// `{{ "photo" | label(language) }}`: one of [`strings::LABELS`] in a language.
fn label(_: &State<'_, '_>, name: &str, language: &str) -> Result<&'static str, minijinja::Error> {
    strings::label(name, language).ok_or_else(|| wrong(format!("there is no label named {name:?}")))
}

fn moment(at: i64) -> Result<Timestamp, minijinja::Error> {
    Timestamp::from_millisecond(at).map_err(|_| wrong(format!("{at} is not a moment in milliseconds")))
}

fn local(at: i64, zone: &str) -> Result<jiff::ZonedDateTime, minijinja::Error> {
    let zone = TimeZone::get(zone).map_err(|_| wrong(format!("{zone:?} is not a time zone")))?;
    Ok(moment(at)?.to_zoned_datetime(zone))
}

fn fault_of(name: &str, fault: &minijinja::Error) -> TemplateFault {
    if fault.kind() == ErrorKind::OutOfFuel {
        return TemplateFault::Exhausted(name.to_owned());
    }
    // An error inside an included template is told where it stands; the outer one only says that including failed.
    let mut inner = fault;
    while let Some(next) = std::error::Error::source(inner).and_then(|source| source.downcast_ref::<minijinja::Error>())
    {
        if next.kind() == ErrorKind::OutOfFuel {
            return TemplateFault::Exhausted(name.to_owned());
        }
        inner = next;
    }
    let reason = match inner.detail() {
        Some(detail) => format!("{}: {detail}", inner.kind()),
        None => inner.kind().to_string(),
    };
    TemplateFault::Broken { name: inner.name().unwrap_or(name).to_owned(), line: inner.line().unwrap_or(0), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    fn one(name: &str, source: &str, context: Value) -> Result<String, TemplateFault> {
        Templates::new(&[(name, source)])?.render(name, context)
    }

    const HOSTILE: &str = "<b>'\"&\u{9b}\r\nBcc: x</b>";

    #[test]
    fn only_clean_prints_unescaped() {
        #[derive(Serialize)]
        struct Page {
            body: Clean,
            title: String,
        }
        let page = Page { body: Clean::vouch("<p>x</p>".into()), title: HOSTILE.into() };
        let templates = Templates::new(&[
            ("a.html", "{{ body }}|{{ title }}"),
            ("a.xml", "{{ body }}|{{ title }}"),
            ("a.txt", "{{ body }}|{{ title }}"),
            ("a.header", "{{ title }}"),
        ])
        .expect("they compile");
        let escaped = "&lt;b&gt;&#39;&quot;&amp;\nBcc: x&lt;/b&gt;";
        assert_eq!(templates.render("a.html", &page), Ok(format!("<p>x</p>|{escaped}")));
        assert_eq!(
            templates.render("a.xml", &page),
            Ok(format!("&lt;p&gt;x&lt;/p&gt;|{}", escaped.replace("&#39;", "&apos;")))
        );
        assert_eq!(templates.render("a.txt", &page), Ok("<p>x</p>|<b>'\"&\nBcc: x</b>".to_owned()));
        assert_eq!(templates.render("a.header", &page), Ok("<b>'\"& Bcc: x</b>".to_owned()));
    }

    #[test]
    fn no_detour_prints_text_unescaped() {
        let x = || context! { x => HOSTILE, list => vec![HOSTILE, HOSTILE], clean => Value::from_object(Clean::vouch("<i>".into())) };
        for source in [
            "{{ x }}",
            "{% autoescape false %}{{ x }}{% endautoescape %}",
            "{% autoescape 'none' %}{{ x }}{% endautoescape %}",
            "{% set y %}{{ x }}{% endset %}{{ y }}",
            "{% autoescape false %}{% set y %}{{ x }}{% endset %}{% endautoescape %}{{ y }}",
            "{% macro m(v) %}{{ v }}{% endmacro %}{{ m(x) }}",
            "{% filter upper %}{{ x }}{% endfilter %}",
            "{{ list | join(', ') }}",
            "{{ clean ~ x }}",
            "{% set c %}{{ x }}{% endset %}{{ c ~ x }}",
            "{{ [clean, x] | join }}",
            "{{ [x, clean] }}",
            "{{ (x ~ '<b>') | trim }}",
            "{{ {'a': x} }}",
            "{{ x | list | join('<b>') }}",
            "{{ x[0:3] }}",
        ] {
            match one("a.html", source, x()) {
                Ok(html) => assert!(!html.to_lowercase().contains("<b>"), "{source} gave {html}"),
                Err(TemplateFault::Broken { .. }) => {}
                Err(other) => panic!("{source} gave {other}"),
            }
        }
        for source in
            ["{{ x | safe }}", "{{ x | escape }}", "{{ x | replace('&', '<') }}", "{{ debug() }}", "{{ x | tojson }}"]
        {
            assert!(matches!(one("a.html", source, x()), Err(TemplateFault::Broken { .. })), "{source}");
        }
    }

    #[test]
    fn a_page_cannot_include_a_text() {
        let templates =
            Templates::new(&[("a.html", "{% include 'a.txt' %}"), ("a.txt", "{{ x }}")]).expect("they compile");
        assert!(matches!(templates.render("a.html", context! { x => HOSTILE }), Err(TemplateFault::Broken { .. })));
    }

    #[test]
    fn an_undefined_name_is_an_error_that_says_where() {
        assert_eq!(
            one("a.html", "x\n{{ titel }}", context! { title => "x" }),
            Err(TemplateFault::Broken {
                name: "a.html".into(),
                line: 2,
                reason: "undefined value: `titel` is undefined".into()
            })
        );
        assert!(one("a.html", "{% if titel %}{% endif %}", context! {}).is_err());
        assert!(one("a.html", "{{ a.b }}", context! { a => context! {} }).is_err());
        assert_eq!(one("a.html", "{{ titel | default('-') }}{{ n }}", context! { n => None::<i64> }), Ok("-".into()));
    }

    #[test]
    fn a_template_that_runs_away_is_stopped() {
        let source = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}";
        assert_eq!(one("a.html", source, context! {}), Err(TemplateFault::Exhausted("a.html".into())));
        let loops = [("a.html", "{% include 'a.html' %}")];
        let recursion = Templates::new(&loops).expect("it compiles").render("a.html", context! {});
        assert!(matches!(recursion, Err(TemplateFault::Broken { .. })), "{recursion:?}");
    }

    #[test]
    fn moments_and_dates_read_in_a_zone_and_a_language() {
        let source = "{{ at | day(zone) | date('es') }} {{ at | time(zone) }} {{ at | iso }} {{ at | rfc2822 }}";
        let context = context! { at => 1_795_563_000_000_i64, zone => "Asia/Tokyo" };
        let expected = "25 de noviembre de 2026 08:30 2026-11-24T23:30:00Z Tue, 24 Nov 2026 23:30:00 +0000";
        assert_eq!(one("a.txt", source, context), Ok(expected.to_owned()));
        assert!(one("a.txt", "{{ 'soon' | date('en') }}", context! {}).is_err());
    }

    #[test]
    fn a_hostile_address_is_not_linked() {
        let source = "<a href=\"{{ x | href }}\">{{ 'photo' | label('fr') }}</a>";
        assert_eq!(
            one("a.html", source, context! { x => "javascript:alert(1)" }),
            Ok("<a href=\"#\">Photo</a>".into())
        );
    }

    #[test]
    fn a_name_without_a_known_ending_is_refused() {
        assert_eq!(Templates::new(&[("a.js", "")]).err(), Some(TemplateFault::Ending("a.js".into())));
        let missing = Templates::new(&[("a.html", "")]).expect("it compiles").render("b.html", context! {});
        assert_eq!(missing, Err(TemplateFault::Missing("b.html".into())));
    }
}
