#ifndef GRADC_APART_H
#define GRADC_APART_H

/* Stands before a loop whose turns touch elements of their own: no turn reads what another one writes.
 *
 * The compiler need not find that out at run time, where neighbours in one arena look alike.
 */
#if defined(__GNUC__) && !defined(__clang__)
#define GRADC_APART _Pragma("GCC ivdep")
#else
#define GRADC_APART
#endif

#endif
