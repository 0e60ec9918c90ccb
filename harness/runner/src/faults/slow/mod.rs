//! Links made slow, narrow, half open, or cut, by whichever mechanism this machine has: a queueing discipline in the
//! namespaces of the senders, or userspace links. Both are asked for the same, and both are looked at from the
//! target's side: by new connections from one end to the other, which take as much longer as was asked, or do not.

mod act;
mod course;
mod effect;
mod look;

pub(super) use act::Slow;
