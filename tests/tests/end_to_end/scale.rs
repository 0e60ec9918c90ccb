//! A sample of the campaign `scale`: what is planted in a large run directory is found, and nothing else.

use shakedown_tests::scale::Measured;
use shakedown_tests::shakedown::binary;

#[test]
fn planted_losses_are_found_and_nothing_else() {
    let measured = Measured::of(300_000, 3, &std::env::temp_dir(), &binary()).unwrap();
    assert!(measured.is_right(), "{measured:?}");
}
