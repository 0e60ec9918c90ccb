//! Lines of a LOBSTER message file.

use shakedown_record::ledger::Side;

/// A mistake in a line, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: usize,
    /// After midnight.
    pub(crate) at_ns: u64,
    pub(crate) event: Event,
    pub(crate) order: u64,
    pub(crate) size: u32,
    /// Price times 10,000.
    pub(crate) price: i64,
    pub(crate) side: Side,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    New,
    PartialCancel,
    Delete,
    Executed,
    HiddenExecuted,
    Cross,
    Halt,
}

const EVENTS: [Event; 7] = [
    Event::New,
    Event::PartialCancel,
    Event::Delete,
    Event::Executed,
    Event::HiddenExecuted,
    Event::Cross,
    Event::Halt,
];

const COLUMNS: &str =
    "each line has: time in seconds, type, order id, size, price times 10000, direction";
const SECONDS: &str = "seconds after midnight with at most nine digits behind the point, such as 34200.017459617; there is no header";

/// Every line, or every mistake.
pub(crate) fn lines(text: &str) -> Result<Vec<Line>, Vec<Mistake>> {
    let mut lines = Vec::new();
    let mut mistakes = Vec::new();
    let mut before_ns = 0;
    for (index, text) in text.lines().enumerate() {
        if text.trim().is_empty() {
            continue;
        }
        match line(index + 1, text) {
            Ok(line) if line.at_ns < before_ns => mistakes.push(Mistake {
                line: line.number,
                column: 1,
                message: "this is before the line above".to_string(),
                hint: "lines come in the order of time",
            }),
            Ok(line) => {
                before_ns = line.at_ns;
                lines.push(line);
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() {
        Ok(lines)
    } else {
        Err(mistakes)
    }
}

fn line(number: usize, text: &str) -> Result<Line, Mistake> {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    let wrong = |field: usize, message: String, hint: &'static str| Mistake {
        line: number,
        column: column(text, field),
        message,
        hint,
    };
    let [time, event, order, size, price, direction] = fields[..] else {
        let message = format!("{} columns, and six are expected", fields.len());
        return Err(wrong(0, message, COLUMNS));
    };
    let no_number = |field: usize, text: &str, hint: &'static str| {
        wrong(field, format!("`{}` cannot be read", shortened(text)), hint)
    };
    let at_ns = nanoseconds(time).ok_or_else(|| no_number(0, time, SECONDS))?;
    let event = event
        .parse::<usize>()
        .ok()
        .and_then(|event| EVENTS.get(event.checked_sub(1)?).copied())
        .ok_or_else(|| no_number(1, event, "a type from 1 to 7"))?;
    let order = order
        .parse()
        .map_err(|_| no_number(2, order, "an order id is a whole number"))?;
    let size = size
        .parse()
        .map_err(|_| no_number(3, size, "a size is a whole number, not below 0"))?;
    let price = price
        .parse()
        .map_err(|_| no_number(4, price, "a price is a whole number: the price times 10000"))?;
    let side = match direction {
        "1" => Side::Buy,
        "-1" => Side::Sell,
        other => {
            return Err(no_number(
                5,
                other,
                "1 for a buy order, -1 for a sell order",
            ));
        }
    };
    if size == 0 && matches!(event, Event::New | Event::PartialCancel | Event::Executed) {
        let message = "a size of 0 is none".to_string();
        return Err(wrong(3, message, "write a size above 0"));
    }
    Ok(Line {
        number,
        at_ns,
        event,
        order,
        size,
        price,
        side,
    })
}

/// Where a field begins, in characters from 1.
fn column(text: &str, field: usize) -> usize {
    let before: usize = text
        .split(',')
        .take(field)
        .map(|f| f.chars().count() + 1)
        .sum();
    before + 1
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(30).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Seconds as whole nanoseconds.
fn nanoseconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 || whole.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
    Some(whole * 1_000_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        assert_eq!(nanoseconds("34200.017459617"), Some(34_200_017_459_617));
        assert_eq!(nanoseconds("5"), Some(5_000_000_000));
        assert_eq!(nanoseconds("0.5"), Some(500_000_000));
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "1e3",
            "1.0000000001",
            "x",
            "9999999999",
        ] {
            assert_eq!(nanoseconds(text), None, "{text}");
        }
    }

    #[test]
    fn every_mistake_has_its_line_and_column() {
        let text = "34200.1,1,7,100,5000000,1\n\
                    34200.1,8,7,100,5000000,1\n\
                    time,1,7,100,5000000,1\n\
                    34200.2,1,7\n\
                    \n\
                    34200.2,1,7,x,5000000,1\n\
                    34200.2,1,7,0,5000000,1\n\
                    34200.2,1,7,1,50.5,1\n\
                    34200.2,1,7,1,50,0\n\
                    34199.9,1,8,1,50,1\n";
        let found: Vec<(usize, usize)> = lines(text)
            .unwrap_err()
            .iter()
            .map(|mistake| (mistake.line, mistake.column))
            .collect();
        assert_eq!(
            found,
            [
                (2, 9),
                (3, 1),
                (4, 1),
                (6, 13),
                (7, 13),
                (8, 15),
                (9, 18),
                (10, 1)
            ]
        );
    }

    #[test]
    fn a_line_is_read_as_it_is_written() {
        let read = lines("34200.017459617, 3, 16113575, 18, 5853300, -1\r\n").unwrap();
        assert_eq!(
            read,
            [Line {
                number: 1,
                at_ns: 34_200_017_459_617,
                event: Event::Delete,
                order: 16_113_575,
                size: 18,
                price: 5_853_300,
                side: Side::Sell,
            }]
        );
    }
}
