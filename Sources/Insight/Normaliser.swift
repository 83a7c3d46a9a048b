/// Makes the fingerprint of a statement: its text without literals, comments and accidents of
/// space.
///
/// | in the text                                | in the fingerprint              |
/// |--------------------------------------------|---------------------------------|
/// | a number, a string of any kind             | `?`                             |
/// | true, false, null behind an operator or in a list | `?`                      |
/// | $1                                         | as it is                        |
/// | `IN (1, 2, 3)`, `ARRAY[1, 2, 3]`           | `in (?)`, `array[?]`            |
/// | `IN ($1, $2, $3)`                          | `in ($1, ...)`                  |
/// | `VALUES (1, 'a'), (2, 'b')`                | `values (?, ?), ...`            |
/// | `SET name TO word`                         | `set name = ?`                  |
/// | a word                                     | in lower case                   |
/// | "Name"                                     | as it is                        |
/// | what can't be told from a literal for sure | ` ...`, and nothing behind it   |
///
/// No literal ever gets into it, whatever standard_conforming_strings and client_encoding are:
/// where the end of a string depends on them, the fingerprint ends. What is longer than
/// `longestText` is not looked at behind that.
public struct Normaliser: Sendable {
  /// Bytes of a text that are looked at.
  public static let longestText = 16_384
  /// Bytes of a fingerprint that count.
  public static let longestOutput = 4_096
  /// Bytes of a fingerprint that are shown.
  public static let longestShown = 1_000

  /// What has been put out last, as far as space depends on it.
  enum Last {
    case nothing, word, keyword, operand, open, close, comma, dot, colon, `operator`
  }

  var output: [UInt8]
  var count = 0
  var last = Last.nothing
  /// There was space or a comment in front of what is put out now.
  var hasGap = false
  /// A `;` that something may follow.
  var owesSemicolon = false
  /// Nothing more is put out.
  var isOver = false
  var groups: [Group]
  var depth = 0
  /// How many more are open than are told apart.
  var deeper = 0
  var words = StatementWords()
  /// Where the first comment stands that nothing is in front of, and the last one that nothing is
  /// behind.
  var leading: Range<Int>?
  var trailing: Range<Int>?

  public init() {
    // Room for what is put out at once behind the last look at the limit.
    output = Array(repeating: 0, count: Self.longestOutput + 64)
    groups = Array(repeating: Group(), count: Self.trackedDepth + 1)
  }

  /// What a text is, apart from its fingerprint's text.
  public struct Reading: Equatable, Sendable {
    /// It is one statement that reads: SELECT and its like.
    public var isRead: Bool
    /// The comments in front of the text and at its end, where there are.
    public var leading: Range<Int>?
    public var trailing: Range<Int>?
  }

  /// Reads a text, whose fingerprint is in `bytes` and `shown` until the next one is read.
  public mutating func read(_ text: Span<UInt8>) -> Reading {
    count = 0
    last = .nothing
    hasGap = false
    owesSemicolon = false
    isOver = false
    depth = 0
    deeper = 0
    groups[0] = Group()
    words = StatementWords()
    leading = nil
    trailing = nil
    lex(text)
    return Reading(isRead: words.isRead, leading: leading, trailing: trailing)
  }

  /// The hash of the fingerprint.
  public func hash(_ key: KeyedHash) -> UInt64 {
    unsafe key.hash(output.span.bytes.extracting(0..<count))
  }

  public var bytes: ArraySlice<UInt8> { output[..<count] }

  /// The fingerprint as it is shown, which may be cut.
  public var shown: String {
    guard count > Self.longestShown else { return String(decoding: bytes, as: UTF8.self) }
    var end = Self.longestShown
    while end > 0, output[end] & 0xc0 == 0x80 { end -= 1 }
    return String(decoding: output[..<end], as: UTF8.self) + " ..."
  }
}

/// What the words at the beginning of a statement tell.
struct StatementWords: Sendable {
  enum First {
    case none, select, with, set, alter, create, other
  }

  var first = First.none
  /// There was a SET behind ALTER or CREATE.
  var hasSet = false
  var writes = false
  var statements = 0
  /// The value of a SET goes by.
  var isSkipping = false
  /// The first statement, which has ended, reads.
  private var hasRead = false

  /// What stands behind a `=` or a TO is the value of a SET.
  var setsValue: Bool { first == .set || hasSet }

  var isRead: Bool {
    statements == 1 && (hasRead || first == .select || (first == .with && !writes))
  }

  /// A statement has ended.
  mutating func end() {
    hasRead = isRead
    isSkipping = false
    first = .none
    hasSet = false
  }
}
