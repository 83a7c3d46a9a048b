// swift-tools-version: 6.2
import PackageDescription

/// Every target: warnings are errors.
let common: [SwiftSetting] = [.treatAllWarnings(as: .error)]

let package = Package(
  name: "sluice-benchmarks",
  products: [
    .executable(name: "fakebackend", targets: ["fakebackend"]),
    .executable(name: "pgload", targets: ["pgload"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
  ],
  targets: [
    .target(name: "CBench", cSettings: [.define("_GNU_SOURCE")]),
    .target(name: "BenchWire", dependencies: ["CBench"], swiftSettings: common),
    .executableTarget(
      name: "fakebackend",
      dependencies: [
        "BenchWire", "CBench",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: common),
    .executableTarget(
      name: "pgload",
      dependencies: [
        "BenchWire", "CBench",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ],
      swiftSettings: common),
  ]
)
