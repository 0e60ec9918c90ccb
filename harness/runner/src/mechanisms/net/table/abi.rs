//! Numbers of the kernel's nf_tables interface (`linux/netfilter/nf_tables.h`), under its own names.

pub const SUBSYSTEM: u16 = 10;
pub const FAMILY_INET: u8 = 1;
pub const FAMILY_IPV4: u8 = 2;
pub const FAMILY_IPV6: u8 = 10;

pub const MSG_NEWTABLE: u16 = 0;
pub const MSG_GETTABLE: u16 = 1;
pub const MSG_DELTABLE: u16 = 2;
pub const MSG_NEWCHAIN: u16 = 3;
pub const MSG_GETCHAIN: u16 = 4;
pub const MSG_NEWRULE: u16 = 6;
pub const MSG_GETRULE: u16 = 7;
pub const MSG_DELRULE: u16 = 8;
pub const MSG_NEWSET: u16 = 9;
pub const MSG_GETSET: u16 = 10;
pub const MSG_DELSET: u16 = 11;
pub const MSG_NEWSETELEM: u16 = 12;
pub const MSG_GETSETELEM: u16 = 13;
pub const MSG_DELSETELEM: u16 = 14;
pub const MSG_GETOBJ: u16 = 19;
pub const MSG_GETFLOWTABLE: u16 = 23;

pub const LIST_ELEM: u16 = 1;

pub const TABLE_NAME: u16 = 1;
pub const TABLE_FLAGS: u16 = 2;
pub const TABLE_USE: u16 = 3;
pub const TABLE_F_OWNER: u32 = 2;

pub const CHAIN_TABLE: u16 = 1;
pub const CHAIN_NAME: u16 = 3;
pub const CHAIN_HOOK: u16 = 4;
pub const CHAIN_POLICY: u16 = 5;
pub const CHAIN_USE: u16 = 6;
pub const CHAIN_TYPE: u16 = 7;
pub const CHAIN_COUNTERS: u16 = 8;
pub const HOOK_NUMBER: u16 = 1;
pub const HOOK_PRIORITY: u16 = 2;
pub const HOOK_LOCAL_IN: u32 = 1;
pub const HOOK_FORWARD: u32 = 2;
pub const HOOK_LOCAL_OUT: u32 = 3;
pub const VERDICT_DROP: u32 = 0;
pub const VERDICT_ACCEPT: u32 = 1;

pub const RULE_TABLE: u16 = 1;
pub const RULE_CHAIN: u16 = 2;
pub const RULE_HANDLE: u16 = 3;
pub const RULE_EXPRESSIONS: u16 = 4;
pub const RULE_USERDATA: u16 = 7;
/// `nft` shows a rule's user data of this type as its comment.
pub const USERDATA_COMMENT: u8 = 0;

pub const SET_TABLE: u16 = 1;
pub const SET_NAME: u16 = 2;
pub const SET_FLAGS: u16 = 3;
pub const SET_KEY_TYPE: u16 = 4;
pub const SET_KEY_LEN: u16 = 5;
pub const SET_ID: u16 = 10;
pub const SET_TIMEOUT: u16 = 11;
pub const SET_COUNT: u16 = 20;
pub const SET_F_TIMEOUT: u32 = 0x10;
pub const SET_F_EVAL: u32 = 0x20;
pub const ELEMENTS_TABLE: u16 = 1;
pub const ELEMENTS_SET: u16 = 2;
pub const ELEMENTS: u16 = 3;
pub const ELEMENT_KEY: u16 = 1;
pub const ELEMENT_EXPIRATION: u16 = 5;
pub const ELEMENT_EXPR: u16 = 7;
pub const ELEMENT_EXPRESSIONS: u16 = 11;

pub const OBJECT_TABLE: u16 = 1;
pub const OBJECT_NAME: u16 = 2;
pub const OBJECT_TYPE: u16 = 3;
pub const OBJECT_DATA: u16 = 4;
pub const OBJECT_USE: u16 = 5;
pub const OBJECT_COUNTER: u32 = 1;
pub const OBJECT_QUOTA: u32 = 2;
pub const FLOWTABLE_TABLE: u16 = 1;
pub const FLOWTABLE_NAME: u16 = 2;
pub const FLOWTABLE_USE: u16 = 4;

pub const DATA_VALUE: u16 = 1;
pub const DATA_VERDICT: u16 = 2;
pub const VERDICT_CODE: u16 = 1;
pub const EXPR_NAME: u16 = 1;
pub const EXPR_DATA: u16 = 2;
pub const REGISTER_VERDICT: u32 = 0;
pub const REGISTER_1: u32 = 1;

pub const META_DREG: u16 = 1;
pub const META_KEY: u16 = 2;
pub const META_SREG: u16 = 3;
pub const META_KEY_PRIORITY: u32 = 2;
pub const META_KEY_NFPROTO: u32 = 15;
pub const META_KEY_L4PROTO: u32 = 16;
pub const CMP_SREG: u16 = 1;
pub const CMP_OP: u16 = 2;
pub const CMP_DATA: u16 = 3;
pub const CMP_EQUAL: u32 = 0;
pub const CMP_LESS: u32 = 2;
pub const PAYLOAD_DREG: u16 = 1;
pub const PAYLOAD_BASE: u16 = 2;
pub const PAYLOAD_OFFSET: u16 = 3;
pub const PAYLOAD_LEN: u16 = 4;
pub const PAYLOAD_NETWORK_HEADER: u32 = 1;
pub const PAYLOAD_TRANSPORT_HEADER: u32 = 2;
pub const LOOKUP_SET: u16 = 1;
pub const LOOKUP_SREG: u16 = 2;
pub const LOOKUP_SET_ID: u16 = 4;
pub const NUMGEN_DREG: u16 = 1;
pub const NUMGEN_MODULUS: u16 = 2;
pub const NUMGEN_TYPE: u16 = 3;
pub const NUMGEN_RANDOM: u32 = 1;
pub const BYTEORDER_SREG: u16 = 1;
pub const BYTEORDER_DREG: u16 = 2;
pub const BYTEORDER_OP: u16 = 3;
pub const BYTEORDER_LEN: u16 = 4;
pub const BYTEORDER_SIZE: u16 = 5;
pub const BYTEORDER_HTON: u32 = 1;
pub const BITWISE_SREG: u16 = 1;
pub const BITWISE_DREG: u16 = 2;
pub const BITWISE_LEN: u16 = 3;
pub const BITWISE_MASK: u16 = 4;
pub const BITWISE_XOR: u16 = 5;
pub const IMMEDIATE_DREG: u16 = 1;
pub const IMMEDIATE_DATA: u16 = 2;
pub const REJECT_TYPE: u16 = 1;
pub const REJECT_CODE: u16 = 2;
pub const REJECT_TCP_RESET: u32 = 1;
pub const REJECT_ICMPX: u32 = 2;
pub const REJECT_ICMPX_PORT: u8 = 1;
pub const COUNTER_BYTES: u16 = 1;
pub const COUNTER_PACKETS: u16 = 2;
pub const QUOTA_CONSUMED: u16 = 4;
pub const LAST_SET: u16 = 1;
pub const LAST_MILLISECONDS: u16 = 2;

/// The type of a message to or from nf_tables.
pub const fn kind(message: u16) -> u16 {
    SUBSYSTEM << 8 | message
}

/// `struct nfgenmsg`: family, version 0, no resource.
pub const fn header(family: u8) -> [u8; 4] {
    [family, 0, 0, 0]
}
