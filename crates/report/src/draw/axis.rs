//! Maps values to axis positions, and chooses ticks.

use crate::figure::{Axis, Scale, Unit};
use crate::text;

/// The position of a value: 0 at the start of the axis, 1 at its end.
pub(super) fn place(axis: &Axis, value: f64) -> f64 {
    let (low, high) = axis.range;
    match axis.scale {
        Scale::Linear => (value - low) / (high - low),
        Scale::Log if value <= 0.0 => 0.0,
        Scale::Log => (value / low).ln() / (high / low).ln(),
    }
    .clamp(0.0, 1.0)
}

/// Tick values of a time axis, in seconds.
const TIMES: [f64; 17] = [
    1e-9,
    1e-8,
    1e-7,
    1e-6,
    1e-5,
    1e-4,
    1e-3,
    1e-2,
    0.1,
    1.0,
    10.0,
    60.0,
    600.0,
    3600.0,
    36_000.0,
    259_200.0,
    2_592_000.0,
];

/// Tick values, at most about `most`.
pub(super) fn ticks(axis: &Axis, most: usize) -> Vec<f64> {
    let (low, high) = axis.range;
    let inside = |v: &f64| *v >= low * 0.999_999 && *v <= high * 1.000_001;
    match (axis.scale, axis.unit) {
        (Scale::Linear, _) => linear(low, high, most),
        (Scale::Log, Unit::Binary) => {
            let (first, last) = (low.log2().ceil() as i32, high.log2().floor() as i32);
            let step = steps((last - first + 1).max(1), most);
            (first..=last).step_by(step).map(|e| 2f64.powi(e)).collect()
        }
        (Scale::Log, Unit::Seconds) => {
            let all: Vec<f64> = TIMES.iter().copied().filter(inside).collect();
            let step = steps(all.len() as i32, most);
            if all.len() < 2 { linear(low, high, most) } else { all.into_iter().step_by(step).collect() }
        }
        (Scale::Log, _) => {
            let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
            for digits in
                [&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0][..], &[1.0, 2.0, 5.0], &[1.0, 3.0]]
            {
                let all: Vec<f64> = (first..=last)
                    .flat_map(|e| digits.iter().map(move |d| d * 10f64.powi(e)))
                    .filter(inside)
                    .collect();
                if (2..=most).contains(&all.len()) {
                    return all;
                }
            }
            let decades: Vec<f64> = (first..=last).map(|e| 10f64.powi(e)).filter(inside).collect();
            if decades.len() < 2 {
                return linear(low, high, most);
            }
            let step = steps(decades.len() as i32, most);
            decades.into_iter().step_by(step).collect()
        }
    }
}

fn steps(n: i32, most: usize) -> usize {
    (n.max(1) as usize).div_ceil(most.max(1)).max(1)
}

fn linear(low: f64, high: f64, most: usize) -> Vec<f64> {
    let rough = (high - low) / most.max(1) as f64;
    let magnitude = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|d| d * magnitude).find(|s| *s >= rough);
    let step = step.unwrap_or(magnitude * 10.0);
    let first = (low / step).ceil();
    (0..).map(|i| (first + f64::from(i)) * step).take_while(|v| *v <= high).take(64).collect()
}

/// The label of a tick.
pub(super) fn label(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Bytes => text::bytes(value),
        Unit::Binary => text::binary(value),
        Unit::Seconds => text::seconds(value),
        Unit::Bandwidth => text::bandwidth(value),
        Unit::Number if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) => format!("{value:.0e}"),
        Unit::Number => {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: Scale, low: f64, high: f64) -> Axis {
        Axis { label: String::new(), scale, unit: Unit::Number, range: (low, high) }
    }

    #[test]
    fn places() {
        assert_eq!(place(&axis(Scale::Log, 1.0, 100.0), 10.0), 0.5);
        assert_eq!(place(&axis(Scale::Log, 1.0, 100.0), 0.0), 0.0);
        assert_eq!(place(&axis(Scale::Linear, 0.0, 4.0), 1.0), 0.25);
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(&axis(Scale::Log, 0.9, 1100.0), 8), [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]);
        assert_eq!(ticks(&axis(Scale::Linear, 0.0, 2.1), 6), [0.0, 0.5, 1.0, 1.5, 2.0]);
        for (low, high) in [(1.0, 1.2), (1e-9, 1e12), (5.0, 11.0), (0.3, 0.31)] {
            let ticks = ticks(&axis(Scale::Log, low, high), 9);
            assert!((2..=10).contains(&ticks.len()), "{low} {high} {ticks:?}");
        }
        let binary = Axis { unit: Unit::Binary, ..axis(Scale::Log, 4096.0, 1e8) };
        assert!(ticks(&binary, 9).iter().all(|t| t.log2().fract() == 0.0));
    }

    #[test]
    fn times_are_counted_as_people_do() {
        let axis = Axis { unit: Unit::Seconds, ..axis(Scale::Log, 0.5, 9000.0) };
        let labels: Vec<_> = ticks(&axis, 8).into_iter().map(|t| label(Unit::Seconds, t)).collect();
        assert_eq!(labels, ["1 s", "10 s", "1 min", "10 min", "1 h"]);
    }

    #[test]
    fn tick_labels() {
        assert_eq!([0.05, 1.5, 1000.0, 1e7].map(|v| label(Unit::Number, v)), ["0.05", "1.5", "1000", "1e7"]);
    }
}
