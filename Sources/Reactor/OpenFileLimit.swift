import CLinux

/// How many descriptors the process may have open.
public enum OpenFileLimit {
  /// Raises the soft limit to the hard one, and the hard one to `wanted` where the process may.
  /// - Returns: the soft limit that now holds.
  public static func raise(to wanted: UInt64) -> UInt64 {
    var soft: UInt64 = 0
    var hard: UInt64 = 0
    guard cl_open_file_limit(&soft, &hard) == 0 else { return 0 }
    if hard < wanted && cl_set_open_file_limit(wanted, wanted) == 0 { return wanted }
    return cl_set_open_file_limit(hard, hard) == 0 ? hard : soft
  }
}
