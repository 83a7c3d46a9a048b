import Logging

/// Gives what is logged through a `Logger` to the output.
public struct LineLogHandler: LogHandler {
  private let output: LogOutput
  public var logLevel = Logger.Level.info
  public var metadata = Logger.Metadata()

  public init(output: LogOutput) { self.output = output }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    let fields = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
    output.write(
      LogLine(level: event.level, message: event.message.description, metadata: fields))
  }
}
