//! Streams that must be the same in ten years. Changing one of these numbers breaks the replay of every recorded run: do
//! it knowingly and say so in the changelog.

use shakedown_record::run_dir::sha256_hex_of;

use crate::common::{digest, load};

const EVEN: &str = "  arrival: { constant: { rate: 3000/s } }
  mix: { new: 70, cancel: 25, replace: 5 }
  sessions: 64
  timeout: 1s";

const RANDOM: &str = "  arrival: { poisson: { rate: 1000/s } }
  mix: { new: 69, cancel: 25, replace: 5, oversized: 1 }
  symbols: { names: [BTCUSD, ETHUSD], skew: { zipf: 1 } }
  sessions: 64
  timeout: 1s";

#[test]
fn scenarios_with_the_first_words_only_have_the_streams_that_they_always_had() {
    let found = [EVEN, RANDOM].map(|section| {
        let load = load(section);
        let json = serde_json::to_vec(&load).unwrap();
        [
            sha256_hex_of(&json),
            digest(&load, 7, 20_000),
            digest(&load, 8, 20_000),
        ]
    });
    let golden = [
        [
            "7f4c0eb32d8a1f0f7cb7d33ad8a2f6cf9936417ef82162678817db6fbc245ad8",
            "000ee06a8df708cf91c9121c51ebb8e2a3758740e5fbc28a357b9cf4b05f6731",
            "eebd3e0472c37d7c72f5f39c951b3b71a5fe6fe29840b26720f9202f7b2d43ce",
        ],
        [
            "0089efc2b95c81ddec6d729f63069df3e41a27dcc453217afc1b4e93228f8f04",
            "8340e4b36103a2d8158fd1387e8fcb845407e44da25331de3b12a6d39aca6c35",
            "ed721feaf3ee54e2ccbbb96e4b54eb1f187e6bf727d65b2231da06e32f475bd6",
        ],
    ];
    assert_eq!(found, golden);
}
