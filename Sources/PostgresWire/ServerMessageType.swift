/// First bytes of the messages that a server sends (PostgreSQL documentation, "Message Formats").
public enum ServerMessageType {
  @inlinable public static var authentication: UInt8 { UInt8(ascii: "R") }
  @inlinable public static var parameterStatus: UInt8 { UInt8(ascii: "S") }
  @inlinable public static var backendKeyData: UInt8 { UInt8(ascii: "K") }
  @inlinable public static var readyForQuery: UInt8 { UInt8(ascii: "Z") }
  @inlinable public static var errorResponse: UInt8 { UInt8(ascii: "E") }
  @inlinable public static var noticeResponse: UInt8 { UInt8(ascii: "N") }
  @inlinable public static var notificationResponse: UInt8 { UInt8(ascii: "A") }
  @inlinable public static var commandComplete: UInt8 { UInt8(ascii: "C") }
  @inlinable public static var copyIn: UInt8 { UInt8(ascii: "G") }
  @inlinable public static var copyOut: UInt8 { UInt8(ascii: "H") }
  @inlinable public static var copyBoth: UInt8 { UInt8(ascii: "W") }
  @inlinable public static var copyData: UInt8 { UInt8(ascii: "d") }
  @inlinable public static var copyDone: UInt8 { UInt8(ascii: "c") }
  @inlinable public static var negotiateProtocolVersion: UInt8 { UInt8(ascii: "v") }
  @inlinable public static var rowDescription: UInt8 { UInt8(ascii: "T") }
  @inlinable public static var dataRow: UInt8 { UInt8(ascii: "D") }
  @inlinable public static var parseComplete: UInt8 { UInt8(ascii: "1") }
  @inlinable public static var bindComplete: UInt8 { UInt8(ascii: "2") }
  @inlinable public static var closeComplete: UInt8 { UInt8(ascii: "3") }
  @inlinable public static var emptyQueryResponse: UInt8 { UInt8(ascii: "I") }
  @inlinable public static var noData: UInt8 { UInt8(ascii: "n") }
  @inlinable public static var parameterDescription: UInt8 { UInt8(ascii: "t") }
  @inlinable public static var portalSuspended: UInt8 { UInt8(ascii: "s") }
  @inlinable public static var functionCallResponse: UInt8 { UInt8(ascii: "V") }
}
