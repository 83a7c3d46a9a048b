import CBench

/// What an error number means, in words.
public func errnoText(_ code: Int) -> String {
  String(cString: strerror(Int32(abs(code))))
}
