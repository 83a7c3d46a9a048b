import HTTPTypes
import HummingbirdCore
import NIOCore
import Synchronization

/// The long answers that are on their way: some are, and no more, so that who asks for many and
/// takes none does not fill the memory. An answer of a common length is none of them.
final class LongAnswers: Sendable {
  /// One of them, until it is let go.
  final class Place: Sendable {
    private let answers: LongAnswers

    fileprivate init(_ answers: LongAnswers) { self.answers = answers }

    deinit { answers.count.subtract(1, ordering: .relaxed) }
  }

  /// Bytes.
  static let shortest = 1 << 20
  static let limit = 8
  /// Bytes that are handed over at once; the next ones when those have room.
  private static let piece = 65_536

  private let count = Atomic(0)

  /// A body of that many bytes, or nil: there are enough.
  func body(_ bytes: [UInt8]) -> ResponseBody? {
    if bytes.count < Self.shortest { return ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)) }
    guard let place = take() else { return nil }
    return ResponseBody(contentLength: bytes.count) { writer in
      var buffer = ByteBuffer(bytes: bytes)
      while let piece = buffer.readSlice(length: min(Self.piece, buffer.readableBytes)),
        piece.readableBytes > 0
      {
        try await writer.write(piece)
      }
      try await writer.finish(nil)
      _ = place
    }
  }

  func take() -> Place? {
    guard count.add(1, ordering: .relaxed).newValue <= Self.limit else {
      count.subtract(1, ordering: .relaxed)
      return nil
    }
    return Place(self)
  }
}
