//! What stands before every door: is this request meant for this desk, and does what would change something come from one
//! of this desk's own pages?
//!
//! Three locks, each enough by itself: the session's cookie is `SameSite`; the browser says where the request comes from
//! (`Origin`, `Sec-Fetch-Site`); and the form carries a mark that only a page shown to that session has (ASVS V3.5).

use std::net::SocketAddr;

use axum::http::{HeaderMap, Method, StatusCode, header};
use newsroom::Problem;

use crate::problem::Trouble;

/// The field in which a form carries its session's mark.
pub(crate) const MARK: &str = "mark";

/// How the desk was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Here {
    /// `https://desk.outlet.example`, without a slash at the end.
    pub(crate) origin: String,
    /// Whether that is https.
    pub(crate) secure: bool,
}

/// How a request reached the desk, from its `Host`: by the address in the settings, or on this machine where it listens.
/// Any other name is refused, so that no stranger's name can be made to lead here (DNS rebinding).
///
/// # Errors
/// The page that says where the desk is.
pub(crate) fn here(headers: &HeaderMap, set: &str, listen: SocketAddr) -> Result<Here, Trouble> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    if let Some((scheme, rest)) = set.split_once("://")
        && rest.split('/').next().is_some_and(|named| named.eq_ignore_ascii_case(&host))
    {
        return Ok(Here { origin: format!("{scheme}://{host}"), secure: scheme == "https" });
    }
    let port = listen.port();
    let own = ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| host == format!("{name}:{port}"));
    if own || (!listen.ip().is_unspecified() && host == listen.to_string()) {
        return Ok(Here { origin: format!("http://{host}"), secure: false });
    }
    Err(Trouble::Said(
        StatusCode::MISDIRECTED_REQUEST,
        Problem::new(
            "The desk does not answer to this address.",
            "Nothing was changed. It answers only to its own, so that no other site can be made to look like it.",
            format!(
                "Open {}, or set {} to the address that members type.",
                crate::address(set, listen),
                crate::ADDRESS_SETTING
            ),
        ),
    ))
}

/// Whether a method may change something (RFC 9110 §9.2.1).
pub(crate) fn unsafe_method(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// Whether the browser says that a request comes from this desk's own page. Every browser says so for a POST; what says
/// nothing is none.
///
/// # Errors
/// The page that says why not.
pub(crate) fn from_here(headers: &HeaderMap, here: &Here) -> Result<(), Trouble> {
    let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default().to_ascii_lowercase());
    let (site, origin) = (said("sec-fetch-site"), said("origin"));
    let site_well = site.as_deref().is_none_or(|site| site == "same-origin");
    let origin_well = origin.as_deref().is_none_or(|origin| origin == here.origin);
    if site_well && origin_well && (site.is_some() || origin.is_some()) { Ok(()) } else { Err(foreign()) }
}

/// A form that this session's pages did not make.
pub(crate) fn foreign() -> Trouble {
    Trouble::Said(
        StatusCode::FORBIDDEN,
        Problem::new(
            "This did not come from a page of this desk.",
            "Nothing was changed: another site may have tried to act in your name, or you signed in anew in another tab.",
            "Go back, load the page again, and send it once more.",
        ),
    )
}

/// A path of this desk and nothing else, for going on after a sign-in (ASVS V3.7.2); the front room for anything odd.
pub(crate) fn own_path(asked: &str) -> &str {
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    let own = asked.starts_with('/') && !asked.starts_with("//") && asked.len() <= 2_000 && !asked.chars().any(odd);
    if own { asked } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    const LISTEN: &str = "127.0.0.1:8401";

    fn headers(said: &[(&str, &str)]) -> HeaderMap {
        let header = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        said.iter().map(header).collect()
    }

    fn reached(host: &str, set: &str) -> Option<(String, bool)> {
        here(&headers(&[("host", host)]), set, LISTEN.parse().unwrap()).ok().map(|here| (here.origin, here.secure))
    }

    #[test]
    fn the_desk_answers_to_its_own_names_alone() {
        let set = "https://desk.courier.example";
        assert_eq!(reached("desk.courier.example", set), Some((set.to_owned(), true)));
        assert_eq!(reached("Desk.Courier.Example", set), Some((set.to_owned(), true)));
        assert_eq!(reached("127.0.0.1:8401", set), Some(("http://127.0.0.1:8401".to_owned(), false)));
        assert_eq!(reached("localhost:8401", ""), Some(("http://localhost:8401".to_owned(), false)));
        for host in ["evil.example", "evil.example:8401", "127.0.0.1:8400", "127.0.0.1", "", "desk.courier.example:81"]
        {
            assert_eq!(reached(host, set), None, "{host}");
        }
    }

    #[test]
    fn only_the_desks_own_pages_may_change_something() {
        let here = Here { origin: "https://desk.courier.example".to_owned(), secure: true };
        let taken = |said: &[(&str, &str)]| from_here(&headers(said), &here).is_ok();
        assert!(taken(&[("origin", "https://desk.courier.example"), ("sec-fetch-site", "same-origin")]));
        assert!(taken(&[("origin", "https://desk.courier.example")]));
        assert!(taken(&[("sec-fetch-site", "same-origin")]));
        for said in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://desk.courier.example")],
            &[("origin", "https://desk.courier.example.evil.example")],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://desk.courier.example"), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(!taken(said), "{said:?}");
        }
    }

    #[test]
    fn nobody_is_led_away_after_signing_in() {
        for own in ["/", "/articles/7?told=saved", "/ünicode"] {
            assert_eq!(own_path(own), own);
        }
        for odd in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nSet-Cookie: a=b", "evil", "/ x"]
        {
            assert_eq!(own_path(odd), "/", "{odd}");
        }
    }
}
