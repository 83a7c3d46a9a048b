import CLinux
import Glibc

/// A thread of the operating system.
public enum Thread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Runs `body` on a thread of its own, which ends with it.
  /// - Parameter name: what `top -H` shows; cut to 15 bytes.
  /// - Throws: ``SystemError`` where the kernel gives no thread.
  public static func start(
    name: String, _ body: @escaping @Sendable () -> Void
  ) throws(SystemError) {
    let box = Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    let result = pthread_create(&thread, nil, enter, box.toOpaque())
    guard result == 0 else {
      box.release()
      throw SystemError(call: "pthread_create", result: -result)
    }
    _ = String(name.prefix(15)).withCString { cl_name_thread(thread, $0) }
    pthread_detach(thread)
  }

  private static let enter: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? =
    { argument in
      guard let argument else { return nil }
      Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
      return nil
    }
}
