// swift-tools-version: 6.2
import PackageDescription

/// Every target: warnings are errors; and a file sees only members of modules that it imports. Else
/// `text.contains(",")` is Foundation's wherever TOMLKit, which imports it, is somewhere below, and
/// one such call links all of Foundation with the data of ICU: 44 MB.
let common: [SwiftSetting] = [
  .treatAllWarnings(as: .error), .enableUpcomingFeature("MemberImportVisibility"),
]
/// The pure modules decide; they make no system call and mark every unsafe expression.
let pure: [SwiftSetting] = common + [.strictMemorySafety()]

/// With the static Swift runtime every symbol is exported, for plug-ins, of which there are none:
/// 3 MB of the binary, of which 2 MB are resident, for the loader looks for its libraries' symbols
/// there.
let small = LinkerSetting.unsafeFlags(
  ["-Xlinker", "--no-export-dynamic"], .when(platforms: [.linux], configuration: .release))

/// The fuzzers (`make fuzz`) are built only with SLUICE_FUZZ set, for they need their own flags.
/// What they run is otherwise part of the tests, which replay the corpora and the findings.
let fuzzed: [Target.Dependency] = ["Insight", "Pooling", "PostgresAuth", "PostgresWire"]
let fuzzTargets: [Target] =
  Context.environment["SLUICE_FUZZ"] == nil
  ? [
    .testTarget(
      name: "FuzzTests", dependencies: fuzzed, path: "Tests/Fuzz",
      exclude: ["CFuzzer", "Main", "corpus", "findings"], sources: ["Targets", "Replay"],
      swiftSettings: common)
  ]
  : [
    .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .executableTarget(
      name: "fuzz", dependencies: fuzzed + ["CFuzzer"], path: "Tests/Fuzz",
      exclude: ["CFuzzer", "Replay", "corpus", "findings"], sources: ["Targets", "Main"],
      swiftSettings: common),
  ]

let package = Package(
  name: "sluice",
  products: [.executable(name: "sluice", targets: ["sluice"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.2"),
  ],
  targets: [
    .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
    .target(
      name: "COpenSSL",
      linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),
    .target(name: "PostgresWire", swiftSettings: pure),
    .target(
      name: "PostgresAuth", dependencies: ["PostgresWire", "COpenSSL"], swiftSettings: pure),
    .target(name: "Pooling", dependencies: ["PostgresAuth", "PostgresWire"], swiftSettings: pure),
    .target(name: "Insight", dependencies: ["PostgresWire"], swiftSettings: pure),
    .target(
      name: "Tenancy", dependencies: ["PostgresAuth", "PostgresWire"], swiftSettings: pure),
    .target(name: "Reactor", dependencies: ["CLinux"], swiftSettings: common),
    .target(
      name: "Logs",
      dependencies: ["CLinux", "Reactor", .product(name: "Logging", package: "swift-log")],
      swiftSettings: common),
    .target(
      name: "Dashboard",
      resources: [
        "dashboard.html", "dashboard.css", "dashboard.js", "plots.js", "tables.js", "verdict.js",
        "view.js", "words.js", "icon.svg",
      ].map { .embedInCode("Page/\($0)") },
      swiftSettings: pure),
    .target(name: "Admin", dependencies: ["PostgresWire"], swiftSettings: pure),
    .target(
      name: "Settings",
      dependencies: [
        "PostgresAuth", "Tenancy", .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      swiftSettings: common),
    .target(
      name: "Proxy",
      dependencies: [
        "Admin", "CLinux", "Insight", "Logs", "Reactor", "Settings", "Tenancy", "Pooling",
        "PostgresAuth", "PostgresWire",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: common),
    .target(
      name: "Monitoring",
      dependencies: [
        "Admin", "CZlib", "Dashboard", "PostgresAuth", "Reactor", "Settings",
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      swiftSettings: common),
    .executableTarget(
      name: "sluice",
      dependencies: [
        "CLinux", "Logs", "Monitoring", "Proxy", "Reactor", "Settings",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: common, linkerSettings: [small]),

    // What several of the tests share.
    .target(name: "TestSupport", path: "Tests/Support", swiftSettings: common),
    .testTarget(
      name: "PostgresWireTests", dependencies: ["PostgresWire", "TestSupport"],
      path: "Tests/PostgresWire",
      swiftSettings: common),
    .testTarget(
      name: "PostgresAuthTests", dependencies: ["PostgresAuth", "TestSupport"],
      path: "Tests/PostgresAuth",
      swiftSettings: common),
    .testTarget(
      name: "PoolingTests", dependencies: ["Pooling", "PostgresWire", "TestSupport"],
      path: "Tests/Pooling",
      swiftSettings: common),
    .testTarget(
      name: "InsightTests", dependencies: ["Insight", "Pooling", "TestSupport"],
      path: "Tests/Insight",
      swiftSettings: common),
    .testTarget(
      name: "AdminTests", dependencies: ["Admin", "PostgresWire"], path: "Tests/Admin",
      swiftSettings: common),
    .testTarget(
      name: "DashboardTests", dependencies: ["Dashboard"], path: "Tests/Dashboard",
      swiftSettings: common),
    .testTarget(
      name: "MonitoringTests",
      dependencies: [
        "Admin", "Monitoring", .product(name: "NIOPosix", package: "swift-nio"),
      ],
      path: "Tests/Monitoring",
      exclude: ["README.md", "alerts", "browser", "monitoring", "picture", "requirements.txt"],
      swiftSettings: common),
    .testTarget(
      name: "TenancyTests",
      dependencies: ["PostgresAuth", "PostgresWire", "Tenancy", "TestSupport"],
      path: "Tests/Tenancy",
      swiftSettings: common),
    .testTarget(
      name: "SimulationTests", dependencies: ["Pooling", "TestSupport"],
      path: "Tests/Simulation",
      swiftSettings: common),
    .testTarget(
      name: "ReactorTests", dependencies: ["Reactor"], path: "Tests/Reactor",
      swiftSettings: common),
    .testTarget(
      name: "LogsTests",
      dependencies: ["Logs", "Pooling", .product(name: "Logging", package: "swift-log")],
      path: "Tests/Logs", swiftSettings: common),
    .testTarget(
      name: "SettingsTests", dependencies: ["Settings", "Tenancy", "TestSupport"],
      path: "Tests/Settings",
      swiftSettings: common),
    .testTarget(
      name: "IntegrationTests",
      dependencies: ["sluice", "PostgresAuth", "PostgresWire", "Tenancy", "TestSupport"],
      path: "Tests/Integration", exclude: ["Insight/lazy_loading.py"], swiftSettings: common),
    .testTarget(name: "TidyTests", path: "Tests/Tidy", swiftSettings: common),
  ] + fuzzTargets
)
