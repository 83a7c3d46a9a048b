/// Places for connections at addresses that never move. A place that was given back is used again,
/// but not before `recycle`, so that an event fetched earlier finds no stranger there.
public struct PointerSlab<Element: ~Copyable>: ~Copyable {
  private var chunks: [UnsafeMutablePointer<Element>] = []
  private var free: [UnsafeMutablePointer<Element>] = []
  private var retired: [UnsafeMutablePointer<Element>] = []
  private let make: () -> Element
  private static var chunkSize: Int { 64 }

  /// - Parameter make: an empty element. Every place holds one while it is not in use.
  public init(make: @escaping () -> Element) { self.make = make }

  /// How many places are in use.
  public private(set) var count = 0

  /// A place in use from now on. It holds a fresh element.
  public mutating func take() -> UnsafeMutablePointer<Element> {
    if free.isEmpty { grow() }
    count += 1
    return free.removeLast()
  }

  /// Gives a place back.
  public mutating func retire(_ place: UnsafeMutablePointer<Element>) {
    place.deinitialize(count: 1)
    place.initialize(to: make())
    retired.append(place)
    count -= 1
  }

  /// Makes the places that were given back usable again.
  public mutating func recycle() {
    if retired.isEmpty { return }
    free.append(contentsOf: retired)
    retired.removeAll(keepingCapacity: true)
  }

  /// Calls `body` with every place, in use or not.
  public func forEachPlace(_ body: (UnsafeMutablePointer<Element>) -> Void) {
    for chunk in chunks {
      for index in 0..<Self.chunkSize { body(chunk + index) }
    }
  }

  /// Places are made in chunks; those of one chunk may be looked at by themselves.
  public var chunkCount: Int { chunks.count }

  /// Calls `body` with every place of a chunk, in use or not.
  public func forEachPlace(
    inChunk chunk: Int, _ body: (UnsafeMutablePointer<Element>) -> Void
  ) {
    for index in 0..<Self.chunkSize { body(chunks[chunk] + index) }
  }

  private mutating func grow() {
    let chunk = UnsafeMutablePointer<Element>.allocate(capacity: Self.chunkSize)
    for index in 0..<Self.chunkSize { (chunk + index).initialize(to: make()) }
    chunks.append(chunk)
    for index in (0..<Self.chunkSize).reversed() { free.append(chunk + index) }
  }
}
