/// What this program is.
public enum Version {
  public static let number = "0.1.0"
  /// The first line of `--version`, and the answer to SHOW VERSION.
  public static let text = "Sluice \(number)"
}
