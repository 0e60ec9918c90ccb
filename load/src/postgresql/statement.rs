//! A statement of the profile: text with holes, of which each is a parameter.

use shakedown_scenarios::plan::{Template, TemplatePart};

use super::frame::{append, append_sync, append_text};
use crate::http::{CompiledText, Vars};
use crate::secret::Secrets;

/// A statement whose values are never part of its text.
#[derive(Debug, Clone)]
pub struct Statement {
    sql: String,
    values: Vec<CompiledText>,
}

impl Statement {
    /// The n-th hole of the template is `$n`.
    ///
    /// # Panics
    /// When it names a secret that the profile does not define, which no compiled plan does.
    pub fn new(template: &Template, secrets: &Secrets) -> Statement {
        let mut statement = Statement {
            sql: String::new(),
            values: Vec::new(),
        };
        for part in &template.parts {
            match part {
                TemplatePart::Text(text) => statement.sql.push_str(text),
                TemplatePart::Hole { .. } => {
                    let hole = Template {
                        parts: vec![part.clone()],
                    };
                    statement.values.push(CompiledText::new(&hole, secrets));
                    let number = format!("${}", statement.values.len());
                    statement.sql.push_str(&number);
                }
            }
        }
        statement
    }

    /// Asks the server to keep it under a name.
    pub fn append_parse(&self, name: &str, out: &mut Vec<u8>) {
        append(b'P', out, |out| {
            append_text(name, out);
            append_text(&self.sql, out);
            out.extend_from_slice(&0i16.to_be_bytes());
        });
    }

    /// Executes what is kept under a name with these values, and commits.
    pub fn append_execute(&self, name: &str, vars: &Vars<'_>, out: &mut Vec<u8>) {
        append(b'B', out, |out| {
            append_text("", out);
            append_text(name, out);
            // Parameters and results as text.
            out.extend_from_slice(&0i16.to_be_bytes());
            out.extend_from_slice(&(self.values.len() as i16).to_be_bytes());
            for value in &self.values {
                let at = out.len();
                out.extend_from_slice(&[0; 4]);
                value.append(vars, out);
                let length = (out.len() - at - 4) as u32;
                out[at..at + 4].copy_from_slice(&length.to_be_bytes());
            }
            out.extend_from_slice(&0i16.to_be_bytes());
        });
        append(b'D', out, |out| {
            out.push(b'P');
            append_text("", out);
        });
        append(b'E', out, |out| {
            append_text("", out);
            out.extend_from_slice(&0i32.to_be_bytes());
        });
        append_sync(out);
    }
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::Variable;

    use super::*;

    fn hole(variable: Variable) -> TemplatePart {
        TemplatePart::Hole {
            variable,
            filters: Vec::new(),
        }
    }

    #[test]
    fn no_value_is_part_of_the_text() {
        let template = Template {
            parts: vec![
                TemplatePart::Text("insert into orders values (".into()),
                hole(Variable::Id),
                TemplatePart::Text(", ".into()),
                hole(Variable::Price),
                TemplatePart::Text(")".into()),
            ],
        };
        let statement = Statement::new(&template, &Secrets::default());
        assert_eq!(statement.sql, "insert into orders values ($1, $2)");
        let vars = Vars {
            id: Some("'); drop table orders; --"),
            price: Some("1.50"),
            ..Vars::default()
        };
        let mut bytes = Vec::new();
        statement.append_parse("new", &mut bytes);
        assert!(!String::from_utf8_lossy(&bytes).contains("drop"));
        bytes.clear();
        statement.append_execute("new", &vars, &mut bytes);
        let bind =
            b"B\0\0\0\x34\0new\0\0\0\0\x02\0\0\0\x19'); drop table orders; --\0\0\0\x041.50\0\0";
        assert_eq!(&bytes[..bind.len()], bind);
    }
}
