import Insight

func fingerprint(_ text: String) -> String {
  var normaliser = Normaliser()
  let bytes = Array(text.utf8)
  _ = normaliser.read(bytes.span)
  return normaliser.shown
}
