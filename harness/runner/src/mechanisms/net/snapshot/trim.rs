//! Leaving out of the kernel's bytes what changes without anybody changing it.

use crate::mechanisms::net::netlink::{Attributes, attributes, find, text};
use crate::mechanisms::net::table::abi;

/// The attributes but those of these types.
pub(super) fn without(bytes: &[u8], left_out: &[u16]) -> Attributes {
    attributes(bytes)
        .filter(|(kind, _)| !left_out.contains(kind))
        .fold(Attributes::new(), |kept, (kind, value)| {
            kept.bytes(kind, value)
        })
}

/// The attributes, of which those of one type are lists of expressions that count.
pub(super) fn with_still_expressions(bytes: &[u8], lists: &[u16], left_out: &[u16]) -> Attributes {
    attributes(bytes)
        .filter(|(kind, _)| !left_out.contains(kind))
        .fold(Attributes::new(), |kept, (kind, value)| {
            if lists.contains(&kind) {
                kept.nested(kind, still_list(value))
            } else {
                kept.bytes(kind, value)
            }
        })
}

fn still_list(list: &[u8]) -> Attributes {
    attributes(list).fold(Attributes::new(), |kept, (kind, expression)| {
        kept.nested(kind, still_expression(expression))
    })
}

/// One expression (name and data) without what it has counted.
pub(super) fn still_expression(expression: &[u8]) -> Attributes {
    let name = find(expression, abi::EXPR_NAME).map(text);
    let counted: &[u16] = match name.as_deref() {
        Some("counter") => &[abi::COUNTER_BYTES, abi::COUNTER_PACKETS],
        Some("quota") => &[abi::QUOTA_CONSUMED],
        Some("last") => &[abi::LAST_SET, abi::LAST_MILLISECONDS],
        _ => return without(expression, &[]),
    };
    attributes(expression).fold(Attributes::new(), |kept, (kind, value)| {
        if kind == abi::EXPR_DATA {
            kept.nested(kind, without(value, counted))
        } else {
            kept.bytes(kind, value)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(name: &str, data: Attributes) -> Attributes {
        Attributes::new()
            .text(abi::EXPR_NAME, name)
            .nested(abi::EXPR_DATA, data)
    }

    #[test]
    fn a_counter_that_counts_on_is_the_same_rule_and_another_limit_is_not() {
        let rule = |packets, port: u32| {
            let counter = Attributes::new()
                .be64(abi::COUNTER_BYTES, 10 * packets)
                .be64(abi::COUNTER_PACKETS, packets);
            let list = Attributes::new()
                .nested(
                    abi::LIST_ELEM,
                    expression("cmp", Attributes::new().be32(3, port)),
                )
                .nested(abi::LIST_ELEM, expression("counter", counter));
            let rule = Attributes::new()
                .be64(abi::RULE_HANDLE, 4)
                .nested(abi::RULE_EXPRESSIONS, list);
            with_still_expressions(rule.as_bytes(), &[abi::RULE_EXPRESSIONS], &[])
        };
        assert_eq!(rule(1, 80), rule(2, 80));
        assert_ne!(rule(1, 80), rule(1, 81));
    }

    #[test]
    fn a_quota_is_its_limit_and_not_what_is_used_of_it() {
        let quota = |consumed, limit| {
            let data = Attributes::new()
                .be64(1, limit)
                .be64(abi::QUOTA_CONSUMED, consumed);
            still_expression(expression("quota", data).as_bytes())
        };
        assert_eq!(quota(5, 100), quota(6, 100));
        assert_ne!(quota(5, 100), quota(5, 101));
    }

    #[test]
    fn what_is_left_out_is_gone_and_the_rest_is_in_order() {
        let all = Attributes::new().u8(1, 1).u8(2, 2).u8(3, 3);
        let kept = without(all.as_bytes(), &[2]);
        assert_eq!(kept, Attributes::new().u8(1, 1).u8(3, 3));
    }
}
