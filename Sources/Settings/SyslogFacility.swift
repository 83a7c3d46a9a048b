/// What the system's logger files lines under (`syslog_facility`).
public enum SyslogFacility: String, Sendable, CaseIterable {
  case kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp
  case local0, local1, local2, local3, local4, local5, local6, local7

  /// Its number in a message's priority (RFC 3164, 4.1.1), shifted as in syslog.h.
  public var code: Int32 {
    // Between ftp and local0 there are four that nobody may use.
    let index = Self.allCases.firstIndex(of: self) ?? 0
    return Int32(index < 12 ? index : index + 4) << 3
  }
}
