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
