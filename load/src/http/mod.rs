//! HTTP/1.1 from the profile's templates: bytes out, answers in. Pure: sockets are the engine room's.
//!
//! The control plane (probes, read-back, clean-up) uses the same templates and the same reading of answers as the hot
//! path, so that what a probe proved holds for the load.

mod address;
mod classify;
mod compiled;
mod decoder;
mod head;
mod numbers;
mod reply;
mod template;

pub use address::BaseUrl;
pub(crate) use classify::classify_plain;
pub use classify::{Classified, answers, classify};
pub use compiled::{Compiled, CompiledText, Scratch};
pub use decoder::{Answer, Decoder, Ending};
pub use head::Malformed;
pub(crate) use numbers::append_number;
pub use numbers::{Grid, price_text, quantity_text};
pub(crate) use reply::text_of;
pub use reply::{Taken, holds, json_at, take, take_server};
pub(crate) use template::looks_like_json;
pub use template::{Rendered, Vars, auth_headers, render, render_request};
pub(crate) use template::{login, unix_ms};
