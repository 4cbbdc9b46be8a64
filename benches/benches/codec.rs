//! The frame codec alone, without sockets and without Lua: `scripts/bench codec`.
//!
//! These are criterion's benchmarks of the module's `protocol`. They are here and not in the module's own crate, so that
//! its tests and checks need not build criterion.

use std::hint::black_box;

use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use websocket_benches::payload;
use websocket_benches::server::frames::{TEXT, append};
use websocket_core::event::Kind;
use websocket_core::protocol::{Coding, Decoder, Encoder, Limits};

const SIZES: [usize; 4] = [16, 64, 1024, 65_536];
/// The bytes that one iteration decodes or encodes, about as many as one read brings.
const BATCH: usize = 65_536;

/// The first byte of a whole binary message.
const BINARY: u8 = 0x82;

fn limits() -> Limits {
    Limits { max_message_size: 1 << 24, max_fragments: 1 << 17 }
}

/// Payloads of a size that together have about [`BATCH`] bytes.
fn payloads(size: usize) -> Vec<Vec<u8>> {
    (0..(BATCH / size).max(1)).map(|number| payload::text(size, number).into_bytes()).collect()
}

/// Text of which two thirds are characters of two and three bytes.
fn wide(size: usize) -> Vec<u8> {
    let mut text = "a\u{e9}\u{20ac}".repeat(size / 6);
    while text.len() < size {
        text.push('a');
    }
    text.into_bytes()
}

fn decode_all(wire: &[u8]) -> usize {
    let mut decoder = Decoder::new(limits(), None);
    let mut rest = wire;
    let mut messages = 0;
    while let Ok(Some(message)) = decoder.next(&mut rest) {
        black_box(message);
        messages += 1;
    }
    messages
}

/// Parsing: binary messages, so that no text is checked.
fn parse(criterion: &mut Criterion) {
    decode(criterion, "parse", BINARY, payloads);
}

/// Parsing and the check of UTF-8: the difference to `parse` is what the check costs.
fn utf8(criterion: &mut Criterion) {
    decode(criterion, "parse and check ASCII", TEXT, payloads);
    decode(criterion, "parse and check other UTF-8", TEXT, |size| vec![wide(size); (BATCH / size).max(1)]);
}

fn decode(criterion: &mut Criterion, name: &str, first: u8, payloads: impl Fn(usize) -> Vec<Vec<u8>>) {
    let mut group = criterion.benchmark_group(name);
    for size in SIZES {
        decode_size(&mut group, size, first, &payloads(size));
    }
}

fn decode_size(group: &mut BenchmarkGroup<'_, WallTime>, size: usize, first: u8, payloads: &[Vec<u8>]) {
    let mut wire = Vec::new();
    for payload in payloads {
        append(&mut wire, first, payload);
    }
    assert_eq!(decode_all(&wire), payloads.len(), "every frame must be whole and right");
    group.throughput(Throughput::Elements(payloads.len() as u64));
    group.bench_function(format!("{size} B"), |bencher| bencher.iter(|| decode_all(black_box(&wire))));
}

/// Encoding: header, masking key, and a copy that is masked on the way.
fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for size in SIZES {
        let payloads = payloads(size);
        let mut encoder = Encoder::new();
        let mut out = Vec::with_capacity(2 * BATCH);
        group.throughput(Throughput::Elements(payloads.len() as u64));
        group.bench_function(format!("{size} B"), |bencher| {
            bencher.iter(|| {
                out.clear();
                for payload in &payloads {
                    encoder.message(&mut out, Kind::Text, Coding::Plain, black_box(payload));
                }
                black_box(&out);
            });
        });
    }
}

/// Masking in place, as for large messages; the header is a small part of it.
fn mask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mask in place");
    for size in [1024, 65_536, 1 << 20] {
        let mut encoder = Encoder::new();
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("{size} B"), |bencher| {
            bencher.iter_batched_ref(
                || (Vec::with_capacity(16), payload::text(size, 1).into_bytes()),
                |(out, payload)| encoder.message_in_place(out, Kind::Text, Coding::Plain, payload),
                BatchSize::LargeInput,
            );
        });
    }
}

criterion_group!(codec, parse, utf8, encode, mask);
criterion_main!(codec);
