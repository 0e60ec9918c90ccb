//! Prices and quantities as text: whole ticks and lots, never floats.

use shakedown_record::Decimal;
use shakedown_scenarios::plan::Instrument;

use crate::binary::Units;

/// A step (tick or lot) as `mantissa / 10^scale`, ready to print multiples of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    mantissa: i64,
    scale: u32,
    unit: i128,
}

impl Grid {
    /// The grid of a step; `None` for a step beyond 63 bits.
    pub fn new(step: Decimal) -> Option<Grid> {
        let scale = step.scale();
        Some(Grid {
            mantissa: step.in_units_of(Decimal::new(1, scale))?,
            scale,
            unit: 10i128.checked_pow(scale)?,
        })
    }

    /// `count` steps as a whole number of units. What does not fit, far above any price, is the largest that does.
    pub(crate) fn units(&self, count: i64) -> Units {
        let value = i128::from(self.mantissa) * i128::from(count);
        Units {
            mantissa: i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX }),
            scale: self.scale as u8,
        }
    }

    /// Appends `count` steps, with as many digits after the point as the step has.
    pub fn append(&self, count: i64, text: &mut String) {
        let value = i128::from(self.mantissa) * i128::from(count);
        if value < 0 {
            text.push('-');
        }
        let value = value.unsigned_abs();
        let unit = self.unit.unsigned_abs();
        match (u64::try_from(value), u64::try_from(unit)) {
            (Ok(value), Ok(unit)) => self.append_parts(value / unit, value % unit, text),
            _ => text.push_str(&Decimal::new(value as i128, self.scale).to_string()),
        }
    }

    fn append_parts(&self, whole: u64, fraction: u64, text: &mut String) {
        append_number(whole, text);
        if self.scale == 0 {
            return;
        }
        text.push('.');
        let digits = fraction.checked_ilog10().unwrap_or(0) + 1;
        (digits..self.scale).for_each(|_| text.push('0'));
        append_number(fraction, text);
    }
}

/// Appends a whole number.
pub(crate) fn append_number(mut number: u64, text: &mut String) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits[at..]
        .iter()
        .for_each(|digit| text.push(char::from(*digit)));
}

/// A price as the load writes it.
pub fn price_text(instrument: &Instrument, ticks: i64) -> String {
    multiple(instrument.tick, ticks)
}

/// A quantity as the load writes it.
pub fn quantity_text(instrument: &Instrument, lots: u32) -> String {
    multiple(instrument.lot, i64::from(lots))
}

fn multiple(step: Decimal, count: i64) -> String {
    let Some(grid) = Grid::new(step) else {
        return step.times(count).to_string();
    };
    let mut text = String::new();
    grid.append(count, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_print_exactly() {
        for (step, count, expected) in [
            ("0.01", 5_000_005, "50000.05"),
            ("0.01", 5_000_000, "50000.00"),
            ("0.001", 7, "0.007"),
            ("0.05", 23, "1.15"),
            ("0.05", -23, "-1.15"),
            ("1", 42, "42"),
            ("100", 42, "4200"),
            ("0.01", 0, "0.00"),
            ("0.000000000000000001", i64::MAX, "9.223372036854775807"),
        ] {
            assert_eq!(multiple(step.parse().unwrap(), count), expected);
        }
    }

    #[test]
    fn units_are_the_same_multiples() {
        let grid = Grid::new("0.05".parse().unwrap()).unwrap();
        let units = |mantissa| Units { mantissa, scale: 2 };
        assert_eq!(grid.units(23), units(115));
        assert_eq!(grid.units(-1), units(-5));
        assert_eq!(grid.units(i64::MAX), units(i64::MAX));
    }

    #[test]
    fn what_is_printed_is_the_decimal_that_the_checkers_compare() {
        let tick: Decimal = "0.25".parse().unwrap();
        for count in [-9, -1, 0, 1, 3, 4, 1_000_001] {
            let printed: Decimal = multiple(tick, count).parse().unwrap();
            assert_eq!(printed, tick.times(count));
        }
    }
}
