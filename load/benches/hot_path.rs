//! What one request costs the generator, function by function, in time: `cargo bench --bench hot_path`.
//!
//! Times differ between machines and moments. What is held in CI is the number of instructions: `instructions`.

mod hot;

use criterion::{Criterion, criterion_group, criterion_main};

fn all(c: &mut Criterion) {
    for name in hot::NAMES {
        let Some(mut call) = hot::call(name) else {
            continue;
        };
        c.bench_function(name, |b| b.iter(&mut call));
    }
}

criterion_group!(hot_path, all);
criterion_main!(hot_path);
