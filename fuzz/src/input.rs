//! Reads an input of the fuzzer: first a few bytes that make choices, then the data that the target is about.

/// An input that is read from its front. Reads past the end give zeros.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// Starts at the front.
    pub fn new(bytes: &'a [u8]) -> Input<'a> {
        Input(bytes)
    }

    /// Tells whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Takes a number of two bytes.
    pub fn number(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    /// Takes a byte that chooses an element of a list.
    pub fn choice<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::from(self.byte()) % list.len()]
    }

    /// Takes the sizes of the pieces in which a stream arrives: a count up to 15, then a byte for each. Without sizes
    /// the stream arrives in one piece.
    pub fn cuts(&mut self) -> Vec<usize> {
        let count = self.byte() % 16;
        (0..count).map(|_| usize::from(self.byte()) + 1).collect()
    }

    /// Takes the rest.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Cuts a stream into pieces of these sizes, which are used again and again.
pub fn pieces<'a>(mut stream: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let whole = cuts.is_empty().then_some(&usize::MAX);
    cuts.iter().chain(whole).cycle().map_while(move |size| {
        let (piece, rest) = stream.split_at((*size).min(stream.len()));
        stream = rest;
        (!piece.is_empty()).then_some(piece)
    })
}
