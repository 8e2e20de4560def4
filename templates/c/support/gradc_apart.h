/* No turn of such a loop reads what another one writes: a compiler that would have to ask at run time
 * could not tell neighbours in one arena apart. */
#ifndef GRADC_APART_H
#define GRADC_APART_H

/* Stands before a loop whose turns touch elements of their own: nothing to ask at run time. */
#if defined(__GNUC__) && !defined(__clang__)
#define GRADC_APART _Pragma("GCC ivdep")
#else
#define GRADC_APART
#endif

#endif
