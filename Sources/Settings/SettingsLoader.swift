/// What loading a configuration came to.
public struct LoadResult: Sendable {
  /// The settings; nil if there was any error.
  public let settings: Settings?
  /// All that was found wrong or noteworthy.
  public let diagnostics: [Diagnostic]

  /// Only the errors.
  public var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }
  /// Only the warnings.
  public var warnings: [Diagnostic] { diagnostics.filter { $0.severity == .warning } }
}

/// Reads a configuration file of either format.
public enum SettingsLoader {
  /// Reads the file at `path`: PgBouncer's format if its name ends in `.ini`, else TOML. Relative
  /// names, of this file and of those it names, are relative to the working directory.
  /// `environment` is where `{ env = "..." }` is looked up.
  public static func load(path: String, environment: [String: String]) -> LoadResult {
    let format = SettingsFormat(path: path)
    switch format {
    case .pgbouncer:
      var reader = IniReader()
      reader.read(path: path)
      return assemble(reader.result, format, path, environment)
    case .native:
      do {
        let content = try TextFile.read(path)
        return read(content.bytes, path, format, environment)
      } catch {
        let diagnostic = Diagnostic(.error, file: path, line: nil, message: error.message)
        return LoadResult(settings: nil, diagnostics: [diagnostic])
      }
    }
  }

  /// Reads `text` as if it were the content of `file`.
  public static func parse(
    _ text: String, file: String, format: SettingsFormat, environment: [String: String] = [:]
  ) -> LoadResult {
    read(Array(text.utf8), file, format, environment)
  }

  private static func read(
    _ bytes: [UInt8], _ file: String, _ format: SettingsFormat, _ environment: [String: String]
  ) -> LoadResult {
    switch format {
    case .pgbouncer:
      var reader = IniReader()
      reader.read(bytes: bytes, file: file)
      return assemble(reader.result, format, file, environment)
    case .native:
      var reader = TomlReader(file: file)
      reader.read(bytes: bytes)
      return assemble(reader.result, format, file, environment)
    }
  }

  private static func assemble(
    _ raw: RawConfiguration, _ format: SettingsFormat, _ file: String,
    _ environment: [String: String]
  ) -> LoadResult {
    var assembler = SettingsAssembler(format: format, file: file, environment: environment)
    assembler.assemble(raw)
    let isUsable = assembler.diagnostics.allSatisfy { $0.severity != .error }
    return LoadResult(
      settings: isUsable ? assembler.settings : nil, diagnostics: assembler.diagnostics)
  }
}
