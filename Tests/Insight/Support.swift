import Insight

/// The fingerprint of a text, as it is shown.
func fingerprint(_ text: String) -> String { fingerprint(Array(text.utf8)) }

func fingerprint(_ text: [UInt8]) -> String {
  var normaliser = Normaliser()
  _ = normaliser.read(text.span)
  return normaliser.shown
}

func reading(_ text: String) -> Normaliser.Reading {
  var normaliser = Normaliser()
  let bytes = Array(text.utf8)
  return normaliser.read(bytes.span)
}

/// SplitMix64: the same numbers for the same seed, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
