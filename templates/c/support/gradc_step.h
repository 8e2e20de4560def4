/* A step of a long function stays a function: in one piece it would take a compiler minutes. */
#ifndef GRADC_STEP_H
#define GRADC_STEP_H

/* Stands before a function that is called once and not to be copied to where it is called. */
#if defined(__GNUC__)
#define GRADC_STEP __attribute__((noinline))
#elif defined(_MSC_VER)
#define GRADC_STEP __declspec(noinline)
#else
#define GRADC_STEP
#endif

#endif
