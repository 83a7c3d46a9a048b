import COpenSSL

/// Random bytes that are fit for nonces, salts and keys.
public enum RandomBytes {
  /// `count` bytes of OpenSSL's generator.
  ///
  /// Traps where the generator fails, which it does only where the system gives no entropy:
  /// nothing that this program does would be safe then.
  public static func make(_ count: Int) -> [UInt8] {
    precondition((0...Int(Int32.max)).contains(count), "an odd number of random bytes")
    var bytes = [UInt8](repeating: 0, count: count)
    let status = unsafe bytes.withUnsafeMutableBufferPointer {
      unsafe $0.isEmpty ? 1 : RAND_bytes($0.baseAddress, Int32($0.count))
    }
    guard status == 1 else { fatalError("OpenSSL's random number generator failed") }
    return bytes
  }
}
