//! Generators: samples of any size, identical for a seed on every machine.
//!
//! A generator is an infinite stream of pieces; [`generate`] cuts it at the wanted size. A shorter sample is
//! therefore a prefix of a longer one, and memory does not grow with the size. Golden digests in the tests
//! fix the bytes.

mod fibonacci;
mod morphism;
mod planted_seeds;
mod prng;
mod random;
mod run_rich;
mod text;
mod thue_morse;
mod values;
mod versioned;
mod zeros;
mod zipf_text;

use std::io::Write;

use lab_codec::{Context, Error, Param, Result, nearest};

pub use prng::Prng;
pub use values::Values;

/// A generator.
pub trait Generator: Sync {
    /// Name on the command line.
    fn name(&self) -> &'static str;

    /// Summary in one line, without a full stop.
    fn summary(&self) -> &'static str;

    /// Parameters.
    fn params(&self) -> &'static [Param] {
        &[]
    }

    /// Starts the stream of `seed`; `values` are the parameters.
    fn start(&self, seed: u64, values: &Values) -> Box<dyn Pieces>;
}

/// An infinite stream of bytes, in pieces of the generator's choice.
pub trait Pieces {
    /// The next piece: never empty, at most a few hundred KiB.
    fn next(&mut self) -> &[u8];
}

/// All generators, in the order of the listing.
pub const GENERATORS: &[&dyn Generator] = &[
    &random::Random,
    &zeros::Zeros,
    &fibonacci::Fibonacci,
    &thue_morse::ThueMorse,
    &run_rich::RunRich,
    &zipf_text::ZipfText,
    &versioned::Versioned,
    &planted_seeds::PlantedSeeds,
];

/// A generator with values for its parameters: `random`, `planted-seeds:density=100:arity=3`.
pub struct Recipe {
    /// The generator.
    pub generator: &'static dyn Generator,
    values: Values,
}

/// Parses a generator's name with `:key=value` for each parameter that differs from its default.
///
/// # Errors
/// [`Usage`](lab_codec::ErrorKind::Usage), with the nearest generator or all of them;
/// [`Param`](lab_codec::ErrorKind::Param), with the nearest parameter or the range.
pub fn find(text: &str) -> Result<Recipe> {
    let (name, values) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
    let names = || GENERATORS.iter().map(|g| g.name());
    let generator = GENERATORS.iter().find(|g| g.name() == name).copied().ok_or_else(|| {
        let hint = match nearest(name, names()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        };
        Error::usage(format!("unknown generator {name:?}; {hint}"))
    })?;
    let values = Values::parse(generator.params(), values).map_err(|e| e.at(name))?;
    Ok(Recipe { generator, values })
}

/// Writes exactly `size` bytes of the stream of `recipe` for `seed`. Reports the bytes written as progress.
///
/// # Errors
/// Errors of `writer`; cancellation.
pub fn generate(recipe: &Recipe, seed: u64, size: u64, writer: &mut dyn Write, cx: &Context) -> Result<()> {
    let mut pieces = recipe.generator.start(seed, &recipe.values);
    let mut left = size;
    while left > 0 {
        cx.check()?;
        let piece = pieces.next();
        let length = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
        writer.write_all(&piece[..length])?;
        cx.observer().advance(length as u64);
        left -= length as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
