import CLinux

/// The monotonic clock, in microseconds.
public enum Clock {
  @inlinable public static var now: UInt64 { cl_monotonic_microseconds() }
}
