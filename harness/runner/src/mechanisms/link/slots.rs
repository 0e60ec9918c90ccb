//! Where a thread keeps its connections: places that are used again, with a number that tells one tenant from the next.

use super::condition::Side;
use super::connection::Connection;

/// Bits of a token that say which place; the lowest bit is the side, those above are the tenant's number.
const INDEX_BITS: u32 = 31;

/// Tenants are numbered up to here, so that a token keeps its two highest bits clear.
const TENANTS: u32 = 1 << 30;

/// One connection's place. It stays its own: a later connection at the same index has another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    index: u32,
    tenant: u32,
}

impl Place {
    /// What epoll gives back for one of the connection's sockets.
    pub fn token(self, side: Side) -> u64 {
        (u64::from(self.tenant) << (INDEX_BITS + 1))
            | (u64::from(self.index) << 1)
            | side.index() as u64
    }

    pub fn of_token(token: u64) -> (Place, Side) {
        let side = match token & 1 {
            0 => Side::Source,
            _ => Side::Destination,
        };
        let place = Place {
            index: (token >> 1) as u32 & ((1 << INDEX_BITS) - 1),
            tenant: (token >> (INDEX_BITS + 1)) as u32,
        };
        (place, side)
    }
}

#[derive(Debug, Default)]
struct Slot {
    tenant: u32,
    connection: Option<Connection>,
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Slots {
    pub fn insert(&mut self, connection: Connection) -> Place {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.connection = Some(connection);
        Place {
            index,
            tenant: slot.tenant,
        }
    }

    pub fn get(&mut self, place: Place) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(place.index as usize)?;
        slot.connection
            .as_mut()
            .filter(|_| slot.tenant == place.tenant)
    }

    pub fn remove(&mut self, place: Place) -> Option<Connection> {
        self.get(place)?;
        let slot = &mut self.slots[place.index as usize];
        slot.tenant = (slot.tenant + 1) % TENANTS;
        self.free.push(place.index);
        slot.connection.take()
    }

    /// The places of a link's connections.
    pub fn of(&self, link: u64) -> Vec<Place> {
        let places = self.slots.iter().enumerate();
        places
            .filter(|(_, slot)| slot.connection.as_ref().is_some_and(|it| it.link == link))
            .map(|(index, slot)| Place {
                index: index as u32,
                tenant: slot.tenant,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_what_they_were_made_of() {
        for place in [
            Place {
                index: 0,
                tenant: 0,
            },
            Place {
                index: (1 << INDEX_BITS) - 1,
                tenant: TENANTS - 1,
            },
        ] {
            for side in [Side::Source, Side::Destination] {
                assert_eq!(Place::of_token(place.token(side)), (place, side));
                assert_eq!(place.token(side) >> 62, 0);
            }
        }
    }
}
