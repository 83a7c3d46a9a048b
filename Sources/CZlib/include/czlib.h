#pragma once
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

/// The most bytes that `length` bytes can become.
static inline size_t czlib_gzip_bound(size_t length) { return compressBound(length) + 32; }

/// Compresses `data` in the form of gzip (RFC 1952), quickly rather than well.
/// Gives how many bytes it wrote to `out`; 0: it could not.
static inline size_t czlib_gzip(const uint8_t *data, size_t length, uint8_t *out,
                                size_t capacity) {
  if (length > UINT32_MAX || capacity > UINT32_MAX) return 0;
  z_stream stream = {0};
  // 16 more than the window's bits: gzip's header and trailer.
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return 0;
  }
  stream.next_in = (Bytef *)data;
  stream.avail_in = (uInt)length;
  stream.next_out = out;
  stream.avail_out = (uInt)capacity;
  size_t count = deflate(&stream, Z_FINISH) == Z_STREAM_END ? stream.total_out : 0;
  deflateEnd(&stream);
  return count;
}
