/// First bytes of the messages that a client sends (PostgreSQL documentation, "Message Formats").
public enum ClientMessageType {
  @inlinable public static var query: UInt8 { UInt8(ascii: "Q") }
  @inlinable public static var parse: UInt8 { UInt8(ascii: "P") }
  @inlinable public static var bind: UInt8 { UInt8(ascii: "B") }
  @inlinable public static var describe: UInt8 { UInt8(ascii: "D") }
  @inlinable public static var execute: UInt8 { UInt8(ascii: "E") }
  @inlinable public static var close: UInt8 { UInt8(ascii: "C") }
  @inlinable public static var flush: UInt8 { UInt8(ascii: "H") }
  @inlinable public static var sync: UInt8 { UInt8(ascii: "S") }
  @inlinable public static var functionCall: UInt8 { UInt8(ascii: "F") }
  @inlinable public static var copyData: UInt8 { UInt8(ascii: "d") }
  @inlinable public static var copyDone: UInt8 { UInt8(ascii: "c") }
  @inlinable public static var copyFail: UInt8 { UInt8(ascii: "f") }
  @inlinable public static var terminate: UInt8 { UInt8(ascii: "X") }
  /// PasswordMessage, SASLInitialResponse, SASLResponse and GSSResponse share it.
  @inlinable public static var password: UInt8 { UInt8(ascii: "p") }
}
