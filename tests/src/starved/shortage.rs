//! The ways to starve a generator.

/// What a generator is short of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// Of nothing: it must not complain.
    Nothing,
    /// A control group with a CPU quota.
    Quota,
    /// Somebody of higher priority on its only core, half of the time, for 15 ms each.
    Core,
    /// SIGSTOP, and SIGCONT 50 ms later, four times a second.
    Time,
    /// Fewer file descriptors than sessions.
    Descriptors,
    /// Fewer local ports than sessions, in a network namespace of its own.
    Ports,
    /// Its pages are taken away again and again.
    Memory,
    /// A hypervisor that takes cores away. A guest cannot make its hypervisor do that: the file in which the kernel counts
    /// it is another one in the program's mount namespace.
    StealToldByFile,
}

impl Shortage {
    /// Every one, the well-fed first.
    pub const ALL: [Shortage; 8] = [
        Shortage::Nothing,
        Shortage::Quota,
        Shortage::Core,
        Shortage::Time,
        Shortage::Descriptors,
        Shortage::Ports,
        Shortage::Memory,
        Shortage::StealToldByFile,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Shortage::Nothing => "nothing",
            Shortage::Quota => "cpu-quota",
            Shortage::Core => "core",
            Shortage::Time => "stopped",
            Shortage::Descriptors => "descriptors",
            Shortage::Ports => "ports",
            Shortage::Memory => "memory",
            Shortage::StealToldByFile => "steal-by-file",
        }
    }

    /// The shortage with this name.
    pub fn find(name: &str) -> Option<Shortage> {
        Shortage::ALL
            .into_iter()
            .find(|shortage| shortage.name() == name)
    }

    /// What the causes that it names must say; nothing for the well-fed.
    pub fn words(self) -> &'static str {
        match self {
            Shortage::Nothing => "",
            Shortage::Quota => "CPU quota",
            Shortage::Core => "run queue",
            Shortage::Time => "stood still",
            Shortage::Descriptors => "ran out of file descriptors",
            Shortage::Ports => "ran out of local ports",
            Shortage::Memory => "memory was short",
            Shortage::StealToldByFile => "hypervisor took",
        }
    }

    /// Sessions that meet the shortage.
    pub(super) fn sessions(self) -> u32 {
        match self {
            Shortage::Descriptors => 200,
            Shortage::Ports => 64,
            Shortage::Nothing
            | Shortage::Quota
            | Shortage::Core
            | Shortage::Time
            | Shortage::Memory
            | Shortage::StealToldByFile => 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for shortage in Shortage::ALL {
            assert_eq!(Shortage::find(shortage.name()), Some(shortage));
        }
        assert_eq!(Shortage::find("sleep"), None);
    }
}
