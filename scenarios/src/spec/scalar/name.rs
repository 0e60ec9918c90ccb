//! Names: ids, symbols, JSON Pointers, headers and methods.

use crate::decode::HINT_MARK;
use crate::yaml::shortened;

use super::macros::scalar;

/// Longest name.
const LONGEST: usize = 64;

/// Name of a scenario, rule, fault, part, role or secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) String);

scalar!(Id, {
    "type": "string",
    "description": "A name of letters, digits, - and _.",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
});

impl Id {
    fn read(text: &str) -> Result<Id, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins && text.len() <= LONGEST && text.chars().all(fits) {
            return Ok(Id(text.to_string()));
        }
        Err(format!(
            "`{}` is no name{HINT_MARK}a name has letters, digits, - and _, begins with a letter or digit, and has at most {LONGEST} of them",
            shortened(text)
        ))
    }
}

/// A name, or two with a slash between: a scenario and one of its checks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) check: Option<String>,
}

scalar!(Shown, {
    "type": "string",
    "description": "A name, or SCENARIO/CHECK.",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(/[A-Za-z0-9][A-Za-z0-9_-]{0,63})?$",
});

impl Shown {
    fn read(text: &str) -> Result<Shown, String> {
        let (name, check) = match text.split_once('/') {
            Some((name, check)) => (name, Some(Id::read(check)?.0)),
            None => (text, None),
        };
        let name = Id::read(name)?.0;
        Ok(Shown { name, check })
    }
}

/// Name of a symbol or an account, as the engine writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Symbol(pub(crate) String);

scalar!(Symbol, {
    "type": "string",
    "description": "A name as the engine writes it, without spaces.",
    "pattern": "^[^\\s]{1,64}$",
});

impl Symbol {
    fn read(text: &str) -> Result<Symbol, String> {
        let fits = |c: char| !c.is_whitespace() && !c.is_control();
        if !text.is_empty() && text.len() <= LONGEST && text.chars().all(fits) {
            return Ok(Symbol(text.to_string()));
        }
        Err(format!(
            "`{}` is no name{HINT_MARK}it has at most {LONGEST} characters and no spaces",
            shortened(text)
        ))
    }
}

/// A JSON Pointer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pointer(pub(crate) String);

scalar!(Pointer, {
    "type": "string",
    "description": "A JSON Pointer (RFC 6901) into a reply, such as /order/id.",
    "pattern": "^(/.*)?$",
    "examples": ["/order/id"],
});

impl Pointer {
    pub(crate) fn read(text: &str) -> Result<Pointer, String> {
        let broken_escape = text
            .split('~')
            .skip(1)
            .any(|behind| !behind.starts_with(['0', '1']));
        if (text.is_empty() || text.starts_with('/')) && !broken_escape {
            return Ok(Pointer(text.to_string()));
        }
        Err(format!(
            "`{}` is not a JSON Pointer{HINT_MARK}write the keys from the outside in, each behind a slash: /order/id",
            shortened(text)
        ))
    }
}

/// Name of an HTTP header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderName(pub(crate) String);

scalar!(HeaderName, {
    "type": "string",
    "description": "Name of an HTTP header.",
    "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
    "examples": ["X-Pod"],
});

impl HeaderName {
    fn read(text: &str) -> Result<HeaderName, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+.^_`|~-".contains(c);
        if !text.is_empty() && text.len() <= LONGEST && text.chars().all(fits) {
            return Ok(HeaderName(text.to_string()));
        }
        Err(format!(
            "`{}` is no name of an HTTP header{HINT_MARK}such as X-Request-Id",
            shortened(text)
        ))
    }
}

/// An HTTP method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Method(pub(crate) String);

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

scalar!(Method, {
    "type": "string",
    "description": "An HTTP method.",
    "enum": ["GET", "POST", "PUT", "PATCH", "DELETE"],
});

impl Method {
    fn read(text: &str) -> Result<Method, String> {
        if METHODS.contains(&text) {
            return Ok(Method(text.to_string()));
        }
        Err(format!(
            "`{}` is no HTTP method that is supported{HINT_MARK}write {}",
            shortened(text),
            METHODS.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert!(Id::read("steady-p99").is_ok() && Id::read("9_a").is_ok());
        for text in ["", "-a", "a b", "a.b", "ä", &"a".repeat(65)] {
            assert!(Id::read(text).is_err(), "{text}");
        }
        assert!(Symbol::read("BTC/USD").is_ok() && Symbol::read("a b").is_err());
        assert!(HeaderName::read("X-Pod").is_ok() && HeaderName::read("X: Pod").is_err());
        assert!(Method::read("POST").is_ok() && Method::read("post").is_err());
    }

    #[test]
    fn pointers_begin_with_a_slash() {
        for text in ["", "/a", "/a/0/b~1c", "/"] {
            assert!(Pointer::read(text).is_ok(), "{text}");
        }
        for text in ["a", "a/b", "/a~", "/a~2"] {
            assert!(Pointer::read(text).is_err(), "{text}");
        }
    }
}
