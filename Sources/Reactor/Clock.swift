import CLinux

/// The clocks.
public enum Clock {
  /// Seconds since 1970.
  public static var wallSeconds: Double { cl_wall_time() }
  /// The monotonic clock, in microseconds.
  @inlinable public static var now: UInt64 { cl_monotonic_microseconds() }
}
