/* gcc 12 and its neighbours vectorise a sum over two nested loops across the outer one, and then read
 * the wrong elements when the inner loop runs through memory backwards.  The empty statement is no
 * instruction; it only tells gcc that the outer loop is to stay as it is. */
#ifndef GRADC_SERIAL_H
#define GRADC_SERIAL_H

/* Keeps gcc 12 from joining the turns of a loop, which it gets wrong. */
static inline void gradc_serial(void) {
#if defined(__GNUC__) && !defined(__clang__)
    __asm__ volatile("");
#endif
}

#endif
