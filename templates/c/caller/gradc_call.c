/* Calls of compiled kernels with NumPy arrays, made in C.
 *
 * `call` is a callable type of the interpreter it was compiled for.  One of them serves one plan:
 * it takes the tuple of arguments, asks of each whether it is exactly what the plan says (or a tree
 * of what the plan says), makes new
 * arrays for the results, runs the kernel without the interpreter's lock, and returns the results
 * in the tree that the user's function returns.  Where an argument is something else it returns
 * `miss`, and nothing has run.
 *
 * Memory for one call (a frame: the block of pointers, numbers, scratch memory) is taken from a
 * list that is touched under the lock only, so threads may call at once and a call may lead to
 * another one of the same kernel.
 */

#ifndef NDEBUG
#define NDEBUG 1
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
#include <stdint.h>
#include <string.h>

typedef int32_t (*kernel)(void *const *buffers, const int64_t *dims);

typedef union {
    double number;
    char bytes[16];
} word;

/* An array of exactly this type and shape; a number on its own where `number` says so: of an
 * input a Python float or a NumPy scalar, of a result a NumPy scalar. */
enum { ARRAY, FLOAT, SCALAR };

typedef struct {
    PyArray_Descr *descr;
    npy_intp *dims;
    int ndim;
    int number;
} slot;

typedef struct frame {
    struct frame *next;
    void **block;
    PyObject **items;
    PyObject **results;
    word *numbers;
} frame;

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    kernel entry;
    void *environment;
    Py_ssize_t inputs, outputs;
    slot *slots;
    npy_intp *dims;
    size_t scratch;
    frame *idle;
    PyObject *fits, *failed, *miss, *tree, *kept;
    PyObject *forms; /* what each argument is, or NULL where each is an input */
    PyObject *pins;  /* (owner, name, steps, object) of each, one after the other */
    Py_ssize_t args; /* how many forms are those of arguments; places follow */
    PyObject *names; /* those of the last arguments, or NULL */
} call;

enum { ALIGNMENT = 64, DEEPEST = 32 };

static PyTypeObject *call_type;

/* ---- frames ---- */

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static frame *new_frame(const call *self)
{
    const size_t count = (size_t)(self->inputs + self->outputs);
    const size_t block = rounded(sizeof(frame));
    const size_t results = block + rounded((count + 2) * sizeof(void *));
    const size_t items = results + rounded((size_t)self->outputs * sizeof(PyObject *));
    const size_t numbers = items + rounded((size_t)self->inputs * sizeof(PyObject *));
    const size_t scratch = numbers + rounded(count * sizeof(word));
    char *memory = PyMem_Malloc(scratch + self->scratch + ALIGNMENT);
    frame *made = (frame *)memory;
    if (made == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    made->block = (void **)(memory + block);
    made->results = (PyObject **)(memory + results);
    made->items = (PyObject **)(memory + items);
    made->numbers = (word *)(memory + numbers);
    for (size_t k = 0; k < count; k++)
        made->block[k] = &made->numbers[k];
    char *start = memory + scratch;
    start += (ALIGNMENT - (uintptr_t)start % ALIGNMENT) % ALIGNMENT;
    made->block[count] = self->scratch > 0 ? start : NULL;
    made->block[count + 1] = self->environment;
    return made;
}

static frame *take_frame(call *self)
{
    frame *found = self->idle;
    if (found == NULL)
        return new_frame(self);
    self->idle = found->next;
    return found;
}

static void give_frame(call *self, frame *used)
{
    used->next = self->idle;
    self->idle = used;
}

/* ---- arguments and results ---- */

/* Put an argument into the block; 0 when it is not exactly what the slot says. */
static int enter(const slot *wanted, PyObject *value, void **place, word *number)
{
    if (wanted->number == FLOAT) {
        if (!PyFloat_CheckExact(value))
            return 0;
        number->number = PyFloat_AS_DOUBLE(value);
        return 1;
    }
    if (wanted->number == SCALAR) {
        if (Py_TYPE(value) != wanted->descr->typeobj)
            return 0;
        PyArray_ScalarAsCtype(value, number);
        return 1;
    }
    if (Py_TYPE(value) != &PyArray_Type)
        return 0;
    PyArrayObject *array = (PyArrayObject *)value;
    const int laid = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;
    if (PyArray_DESCR(array) != wanted->descr || PyArray_NDIM(array) != wanted->ndim)
        return 0;
    for (int k = 0; k < wanted->ndim; k++)
        if (PyArray_DIMS(array)[k] != wanted->dims[k])
            return 0;
    if ((PyArray_FLAGS(array) & laid) != laid)
        return 0;
    *place = PyArray_DATA(array);
    return 1;
}

/* Make new arrays; what is returned as a scalar is computed in the frame. */
static int make_results(const call *self, frame *used)
{
    for (Py_ssize_t k = 0; k < self->outputs; k++) {
        const slot *wanted = &self->slots[self->inputs + k];
        PyObject *made = NULL;
        if (!wanted->number) {
            Py_INCREF(wanted->descr);
            made = PyArray_NewFromDescr(&PyArray_Type, wanted->descr, wanted->ndim, wanted->dims,
                                        NULL, NULL, 0, NULL);
            if (made == NULL) {
                while (k-- > 0)
                    Py_XDECREF(used->results[k]);
                return 0;
            }
            used->block[self->inputs + k] = PyArray_DATA((PyArrayObject *)made);
        }
        used->results[k] = made;
    }
    return 1;
}

static void drop_results(const call *self, frame *used)
{
    for (Py_ssize_t k = 0; k < self->outputs; k++)
        Py_CLEAR(used->results[k]);
}

static PyObject *scalar(const slot *wanted, void *data)
{
    if (wanted->descr->type_num == NPY_DOUBLE) {
        PyObject *made = PyDoubleArrType_Type.tp_alloc(&PyDoubleArrType_Type, 0);
        if (made != NULL)
            PyArrayScalar_ASSIGN(made, Double, *(double *)data);
        return made;
    }
    return PyArray_Scalar(data, wanted->descr, NULL);
}

static int make_scalars(const call *self, frame *used)
{
    for (Py_ssize_t k = 0; k < self->outputs; k++) {
        const slot *wanted = &self->slots[self->inputs + k];
        if (wanted->number) {
            used->results[k] = scalar(wanted, used->block[self->inputs + k]);
            if (used->results[k] == NULL)
                return 0;
        }
    }
    return 1;
}

/* ---- the tree of results ---- */

static PyObject *arranged(PyObject *tree, PyObject *const *results)
{
    if (PyLong_CheckExact(tree)) {
        PyObject *result = results[PyLong_AsSsize_t(tree)];
        Py_INCREF(result);
        return result;
    }
    if (PyTuple_CheckExact(tree) || PyList_CheckExact(tree)) {
        const int fixed = PyTuple_CheckExact(tree);
        const Py_ssize_t count = fixed ? PyTuple_GET_SIZE(tree) : PyList_GET_SIZE(tree);
        PyObject *made = fixed ? PyTuple_New(count) : PyList_New(count);
        for (Py_ssize_t k = 0; made != NULL && k < count; k++) {
            PyObject *inner = fixed ? PyTuple_GET_ITEM(tree, k) : PyList_GET_ITEM(tree, k);
            PyObject *part = arranged(inner, results);
            if (part == NULL)
                Py_CLEAR(made);
            else if (fixed)
                PyTuple_SET_ITEM(made, k, part);
            else
                PyList_SET_ITEM(made, k, part);
        }
        return made;
    }
    if (PyDict_CheckExact(tree)) {
        PyObject *made = PyDict_New(), *key, *inner;
        Py_ssize_t place = 0;
        while (made != NULL && PyDict_Next(tree, &place, &key, &inner)) {
            PyObject *part = arranged(inner, results);
            if (part == NULL || PyDict_SetItem(made, key, part) < 0)
                Py_CLEAR(made);
            Py_XDECREF(part);
        }
        return made;
    }
    Py_INCREF(tree);
    return tree;
}

/* Tell whether a tree holds nothing but numbers of results, tuples, lists, dicts and None. */
static int is_tree(PyObject *tree, Py_ssize_t count, int depth)
{
    if (tree == Py_None)
        return 1;
    if (PyLong_CheckExact(tree)) {
        const Py_ssize_t number = PyLong_AsSsize_t(tree);
        if (number == -1)
            PyErr_Clear();
        return number >= 0 && number < count;
    }
    if (depth >= DEEPEST)
        return 0;
    if (PyTuple_CheckExact(tree) || PyList_CheckExact(tree)) {
        for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(tree); k++)
            if (!is_tree(PySequence_Fast_GET_ITEM(tree, k), count, depth + 1))
                return 0;
        return 1;
    }
    if (PyDict_CheckExact(tree)) {
        PyObject *key, *inner;
        Py_ssize_t place = 0;
        while (PyDict_Next(tree, &place, &key, &inner))
            if (!PyUnicode_CheckExact(key) || !is_tree(inner, count, depth + 1))
                return 0;
        return 1;
    }
    return 0;
}

/* ---- routes: the ways to objects from outside ---- */

/* A route starts at a variable (a dict and a name), at the content of a cell, at the code of a
 * function, or at an object itself (None and the object).  Steps are (kind, key, kind, key, ...). */
enum { AN_ATTRIBUTE, AN_ITEM };

static int is_route(PyObject *owner, PyObject *name, PyObject *steps)
{
    const int starts = owner == Py_None || PyCell_Check(owner) || PyFunction_Check(owner) ||
                       (PyDict_CheckExact(owner) && PyUnicode_CheckExact(name));
    int good = starts && PyTuple_CheckExact(steps) && PyTuple_GET_SIZE(steps) % 2 == 0;
    for (Py_ssize_t k = 0; good && k < PyTuple_GET_SIZE(steps); k += 2) {
        PyObject *kind = PyTuple_GET_ITEM(steps, k);
        good = PyLong_CheckExact(kind) &&
               (PyLong_AsLong(kind) == AN_ITEM ||
                (PyLong_AsLong(kind) == AN_ATTRIBUTE &&
                 PyUnicode_CheckExact(PyTuple_GET_ITEM(steps, k + 1))));
    }
    PyErr_Clear();
    return good;
}

/* Return what a route leads to, with a reference; NULL, without an error, where it ends early. */
static PyObject *led_to(PyObject *owner, PyObject *name, PyObject *steps)
{
    PyObject *now;
    if (owner == Py_None)
        now = name;
    else if (PyDict_CheckExact(owner))
        now = PyDict_GetItemWithError(owner, name);
    else if (PyCell_Check(owner))
        now = PyCell_GET(owner);
    else
        now = PyFunction_GET_CODE(owner);
    Py_XINCREF(now);
    for (Py_ssize_t k = 0; now != NULL && k < PyTuple_GET_SIZE(steps); k += 2) {
        PyObject *key = PyTuple_GET_ITEM(steps, k + 1);
        const int is_item = PyLong_AsLong(PyTuple_GET_ITEM(steps, k)) == AN_ITEM;
        PyObject *next = is_item ? PyObject_GetItem(now, key) : PyObject_GetAttr(now, key);
        Py_DECREF(now);
        now = next;
    }
    if (now == NULL)
        PyErr_Clear();
    return now;
}

/* ---- the trees of arguments ---- */

/* A form is (INPUT, number), (FIXED, value), (A_TUPLE, form...), (A_LIST, form...) or
 * (A_DICT, names, form...); the order of a dict counts.  (PLACE, number, owner, name, steps) is an
 * input from outside, and stands behind the forms of all arguments. */
enum { INPUT, FIXED, A_TUPLE, A_LIST, A_DICT, PLACE };

static long kind_of(PyObject *form)
{
    return PyLong_AsLong(PyTuple_GET_ITEM(form, 0));
}

/* Check a form, and mark the inputs in it, each of which occurs once. */
static int is_form(PyObject *form, char *seen, Py_ssize_t count, int depth)
{
    if (!PyTuple_CheckExact(form) || PyTuple_GET_SIZE(form) < 1 || depth > DEEPEST ||
        !PyLong_CheckExact(PyTuple_GET_ITEM(form, 0)))
        return 0;
    const Py_ssize_t size = PyTuple_GET_SIZE(form);
    const long kind = kind_of(form);
    PyObject *second = size > 1 ? PyTuple_GET_ITEM(form, 1) : NULL;
    if (kind == PLACE && (depth > 0 || size != 5 ||
                          !is_route(PyTuple_GET_ITEM(form, 2), PyTuple_GET_ITEM(form, 3),
                                    PyTuple_GET_ITEM(form, 4))))
        return 0;
    if (kind == FIXED)
        return size == 2;
    if (kind == INPUT || kind == PLACE) {
        const Py_ssize_t number =
            (size == 2 || kind == PLACE) && PyLong_CheckExact(second) ? PyLong_AsSsize_t(second) : -1;
        if (number < 0 || number >= count || seen[number])
            return 0;
        return seen[number] = 1;
    }
    if (kind != A_TUPLE && kind != A_LIST && kind != A_DICT)
        return 0;
    const Py_ssize_t first = kind == A_DICT ? 2 : 1;
    if (kind == A_DICT) {
        if (second == NULL || !PyTuple_CheckExact(second) || PyTuple_GET_SIZE(second) != size - 2)
            return 0;
        for (Py_ssize_t k = 0; k < size - 2; k++)
            if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(second, k)))
                return 0;
    }
    for (Py_ssize_t k = first; k < size; k++)
        if (!is_form(PyTuple_GET_ITEM(form, k), seen, count, depth + 1))
            return 0;
    return 1;
}

/* Count the forms before the first place; -1 where one stands behind a place. */
static Py_ssize_t count_arguments(PyObject *forms)
{
    Py_ssize_t args = -1;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(forms); k++) {
        const int is_place = kind_of(PyTuple_GET_ITEM(forms, k)) == PLACE;
        if (is_place && args < 0)
            args = k;
        else if (!is_place && args >= 0)
            return -1;
    }
    return args < 0 ? PyTuple_GET_SIZE(forms) : args;
}

/* Check the forms of all arguments; 0 with an error. */
static int are_forms(PyObject *forms, Py_ssize_t inputs)
{
    char *seen = PyMem_Calloc((size_t)inputs + 1, 1);
    if (seen == NULL) {
        PyErr_NoMemory();
        return 0;
    }
    int good = PyTuple_CheckExact(forms);
    for (Py_ssize_t k = 0; good && k < PyTuple_GET_SIZE(forms); k++)
        good = is_form(PyTuple_GET_ITEM(forms, k), seen, inputs, 0);
    for (Py_ssize_t k = 0; good && k < inputs; k++)
        good = seen[k];
    good = good && count_arguments(forms) >= 0;
    PyMem_Free(seen);
    PyErr_Clear();
    if (!good)
        PyErr_SetString(PyExc_ValueError, "not the forms of arguments");
    return good;
}

/* Compare numbers and strings by value, and other objects by identity. */
static int is_same(PyObject *value, PyObject *wanted)
{
    if (value == wanted)
        return 1;
    return Py_TYPE(value) == Py_TYPE(wanted) &&
           (PyLong_CheckExact(wanted) || PyUnicode_CheckExact(wanted)) &&
           PyObject_RichCompareBool(value, wanted, Py_EQ) == 1;
}

/* Take the inputs out of an argument, each with a reference; 0 when it has another form. */
static int spread(PyObject *form, PyObject *value, PyObject **items)
{
    const long kind = kind_of(form);
    if (kind == INPUT) {
        Py_INCREF(value);
        items[PyLong_AsSsize_t(PyTuple_GET_ITEM(form, 1))] = value;
        return 1;
    }
    if (kind == FIXED)
        return is_same(value, PyTuple_GET_ITEM(form, 1));
    if (kind == A_DICT) {
        PyObject *names = PyTuple_GET_ITEM(form, 1), *name, *inner;
        Py_ssize_t place = 0, k = 0;
        if (!PyDict_CheckExact(value) || PyDict_GET_SIZE(value) != PyTuple_GET_SIZE(names))
            return 0;
        while (k < PyTuple_GET_SIZE(names) && PyDict_Next(value, &place, &name, &inner)) {
            if (!is_same(name, PyTuple_GET_ITEM(names, k)) ||
                !spread(PyTuple_GET_ITEM(form, k + 2), inner, items))
                return 0;
            k++;
        }
        return k == PyTuple_GET_SIZE(names);
    }
    if (Py_TYPE(value) != (kind == A_TUPLE ? &PyTuple_Type : &PyList_Type) ||
        PySequence_Fast_GET_SIZE(value) != PyTuple_GET_SIZE(form) - 1)
        return 0;
    for (Py_ssize_t k = 1; k < PyTuple_GET_SIZE(form); k++)
        if (!spread(PyTuple_GET_ITEM(form, k), PySequence_Fast_GET_ITEM(value, k - 1), items))
            return 0;
    return 1;
}

/* Do so for all arguments, and fetch the inputs from outside. */
static int spread_all(const call *self, PyObject *const *args, Py_ssize_t count, PyObject **items)
{
    if (count != self->args)
        return 0;
    for (Py_ssize_t k = 0; k < count; k++)
        if (!spread(PyTuple_GET_ITEM(self->forms, k), args[k], items))
            return 0;
    for (Py_ssize_t k = count; k < PyTuple_GET_SIZE(self->forms); k++) {
        PyObject *form = PyTuple_GET_ITEM(self->forms, k);
        PyObject *found = led_to(PyTuple_GET_ITEM(form, 2), PyTuple_GET_ITEM(form, 3),
                                 PyTuple_GET_ITEM(form, 4));
        if (found == NULL)
            return 0;
        items[PyLong_AsSsize_t(PyTuple_GET_ITEM(form, 1))] = found;
    }
    return 1;
}

/* ---- the call ---- */

static PyObject *missed(const call *self)
{
    Py_INCREF(self->miss);
    return self->miss;
}

static int are_pins(PyObject *pins)
{
    int good = PyTuple_GET_SIZE(pins) % 4 == 0;
    for (Py_ssize_t k = 0; good && k < PyTuple_GET_SIZE(pins); k += 4)
        good = is_route(PyTuple_GET_ITEM(pins, k), PyTuple_GET_ITEM(pins, k + 1),
                        PyTuple_GET_ITEM(pins, k + 2));
    if (!good)
        PyErr_SetString(PyExc_ValueError, "not the pins of guards");
    return good;
}

/* Compare objects by identity; bound methods, made anew at each read, by what they bind. */
static int is_it(PyObject *now, PyObject *wanted)
{
    if (now == wanted)
        return 1;
    return now != NULL && PyMethod_Check(now) && PyMethod_Check(wanted) &&
           PyMethod_GET_FUNCTION(now) == PyMethod_GET_FUNCTION(wanted) &&
           PyMethod_GET_SELF(now) == PyMethod_GET_SELF(wanted);
}

/* Tell whether each object is where it was. */
static int is_in_place(PyObject *pins)
{
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(pins); k += 4) {
        PyObject *now = led_to(PyTuple_GET_ITEM(pins, k), PyTuple_GET_ITEM(pins, k + 1),
                               PyTuple_GET_ITEM(pins, k + 2));
        const int same = is_it(now, PyTuple_GET_ITEM(pins, k + 3));
        Py_XDECREF(now);
        if (!same)
            return 0;
    }
    return 1;
}

/* Ask the further conditions; -1 with an error. */
static int is_fitting(const call *self, PyObject *const *items, PyObject *args)
{
    if (!is_in_place(self->pins))
        return 0;
    if (self->fits == Py_None)
        return 1;
    PyObject *given = args;
    Py_XINCREF(given);
    if (given == NULL) {
        given = PyTuple_New(self->inputs);
        for (Py_ssize_t k = 0; given != NULL && k < self->inputs; k++) {
            Py_INCREF(items[k]);
            PyTuple_SET_ITEM(given, k, items[k]);
        }
    }
    if (given == NULL)
        return -1;
    PyObject *answer = PyObject_CallFunctionObjArgs(self->fits, given, NULL);
    Py_DECREF(given);
    const int found = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return found;
}

static void raise_failure(PyObject *failed, int32_t code)
{
    PyObject *error = PyObject_CallFunction(failed, "i", (int)code);
    if (error == NULL)
        return;
    if (PyExceptionInstance_Check(error))
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    else
        PyErr_SetString(PyExc_SystemError, "a failure is no exception");
    Py_DECREF(error);
}

/* Run the kernel on a frame that holds the arguments; NULL with an error. */
static PyObject *computed(const call *self, frame *used)
{
    int32_t code;
    PyObject *answer = NULL;
    if (!make_results(self, used))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    code = self->entry(used->block, NULL);
    Py_END_ALLOW_THREADS
    if (code != 0)
        raise_failure(self->failed, code);
    else if (make_scalars(self, used))
        answer = arranged(self->tree, used->results);
    drop_results(self, used);
    return answer;
}

/* Call with the inputs, which somebody holds; `args` is the tuple of them or NULL. */
static PyObject *entered(call *self, frame *used, PyObject *const *items, PyObject *args)
{
    const int fitting = is_fitting(self, items, args);
    if (fitting <= 0)
        return fitting < 0 ? NULL : missed(self);
    for (Py_ssize_t k = 0; k < self->inputs; k++)
        if (!enter(&self->slots[k], items[k], &used->block[k], &used->numbers[k]))
            return missed(self);
    return computed(self, used);
}

/* Call with `count` arguments, which the caller holds; `args` is the tuple of them or NULL. */
static PyObject *called(call *self, PyObject *const *items, Py_ssize_t count, PyObject *args)
{
    PyObject *answer;
    if (self->entry == NULL || (self->forms == NULL && count != self->inputs))
        return missed(self);
    frame *used = take_frame(self);
    if (used == NULL)
        return NULL;
    if (self->forms == NULL) {
        answer = entered(self, used, items, args);
    } else {
        for (Py_ssize_t k = 0; k < self->inputs; k++)
            used->items[k] = NULL;
        if (spread_all(self, items, count, used->items))
            answer = entered(self, used, used->items, NULL);
        else
            answer = missed(self);
        for (Py_ssize_t k = 0; k < self->inputs; k++)
            Py_CLEAR(used->items[k]);
    }
    give_frame(self, used);
    return answer;
}

/* Tell whether the last arguments have the names that they need, in this order. */
static int are_named(const call *self, PyObject *names)
{
    const Py_ssize_t count = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    if (count != (self->names == NULL ? 0 : PyTuple_GET_SIZE(self->names)))
        return 0;
    for (Py_ssize_t k = 0; k < count; k++)
        if (!is_same(PyTuple_GET_ITEM(names, k), PyTuple_GET_ITEM(self->names, k)))
            return 0;
    return 1;
}

static PyObject *call_vector(PyObject *self, PyObject *const *given, size_t flags, PyObject *names)
{
    if (PyVectorcall_NARGS(flags) != 1 || names != NULL) {
        PyErr_SetString(PyExc_TypeError, "a call takes one sequence of arguments");
        return NULL;
    }
    if (((call *)self)->names != NULL)
        return missed((call *)self);
    if (PyTuple_CheckExact(given[0]))
        return called((call *)self, &PyTuple_GET_ITEM(given[0], 0), PyTuple_GET_SIZE(given[0]),
                      given[0]);
    PyObject *args = PySequence_Tuple(given[0]);
    if (args == NULL)
        return NULL;
    PyObject *answer =
        called((call *)self, &PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args), args);
    Py_DECREF(args);
    return answer;
}

/* ---- making and dropping one ---- */

static int read_shape(PyObject *shape, slot *made, npy_intp *dims)
{
    const Py_ssize_t ndim = PyTuple_CheckExact(shape) ? PyTuple_GET_SIZE(shape) : NPY_MAXDIMS + 1;
    if (ndim > NPY_MAXDIMS) {
        PyErr_SetString(PyExc_ValueError, "not the shape of an array");
        return 0;
    }
    made->ndim = (int)ndim;
    made->dims = dims;
    for (Py_ssize_t k = 0; k < ndim; k++) {
        dims[k] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, k));
        if (dims[k] == -1 && PyErr_Occurred())
            return 0;
    }
    return 1;
}

/* Read (dtype, shape, number); returns the place for the next dimensions, NULL with an error. */
static npy_intp *read_slot(PyObject *record, int is_input, slot *made, npy_intp *dims)
{
    PyObject *dtype, *shape;
    int number;
    if (!PyArg_ParseTuple(record, "O!Oi", &PyArrayDescr_Type, &dtype, &shape, &number))
        return NULL;
    if (!read_shape(shape, made, dims))
        return NULL;
    const int kind = ((PyArray_Descr *)dtype)->type_num;
    const npy_intp size = PyDataType_ELSIZE((PyArray_Descr *)dtype);
    if (number < ARRAY || number > SCALAR || (number == FLOAT && !(is_input && kind == NPY_DOUBLE)) ||
        (number != ARRAY && (made->ndim > 0 || size > (npy_intp)sizeof(word)))) {
        PyErr_SetString(PyExc_ValueError, "not the type of a number");
        return NULL;
    }
    made->number = number;
    Py_INCREF(dtype);
    made->descr = (PyArray_Descr *)dtype;
    return dims + made->ndim;
}

static int read_slots(call *self, PyObject *inputs, PyObject *outputs)
{
    const Py_ssize_t count = PyTuple_GET_SIZE(inputs) + PyTuple_GET_SIZE(outputs);
    self->slots = PyMem_Calloc((size_t)count + 1, sizeof(slot));
    self->dims = PyMem_Calloc((size_t)count * NPY_MAXDIMS + 1, sizeof(npy_intp));
    if (self->slots == NULL || self->dims == NULL) {
        PyErr_NoMemory();
        return 0;
    }
    self->inputs = PyTuple_GET_SIZE(inputs);
    self->outputs = PyTuple_GET_SIZE(outputs);
    npy_intp *dims = self->dims;
    for (Py_ssize_t k = 0; k < count; k++) {
        const int is_input = k < self->inputs;
        PyObject *record = is_input ? PyTuple_GET_ITEM(inputs, k)
                                    : PyTuple_GET_ITEM(outputs, k - self->inputs);
        dims = read_slot(record, is_input, &self->slots[k], dims);
        if (dims == NULL)
            return 0;
    }
    return 1;
}

static PyObject *call_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    PyObject *inputs, *outputs, *fits, *failed, *miss, *tree, *kept, *forms, *pins;
    PyObject *given_names;
    unsigned long long entry, environment;
    Py_ssize_t scratch;
    if (names != NULL && PyDict_GET_SIZE(names) > 0) {
        PyErr_SetString(PyExc_TypeError, "a call is made of positional arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "KKO!O!nOOOOOOO!O!", &entry, &environment, &PyTuple_Type, &inputs,
                          &PyTuple_Type, &outputs, &scratch, &fits, &failed, &miss, &tree, &kept,
                          &forms, &PyTuple_Type, &pins, &PyTuple_Type, &given_names))
        return NULL;
    if (scratch < 0 || !is_tree(tree, PyTuple_GET_SIZE(outputs), 0)) {
        PyErr_SetString(PyExc_ValueError, "not a tree of results, or no size");
        return NULL;
    }
    if (!are_pins(pins))
        return NULL;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(given_names); k++)
        if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(given_names, k))) {
            PyErr_SetString(PyExc_ValueError, "not the names of arguments");
            return NULL;
        }
    if (forms != Py_None && !are_forms(forms, PyTuple_GET_SIZE(inputs)))
        return NULL;
    call *self = (call *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->vectorcall = call_vector;
    self->entry = (kernel)(uintptr_t)entry;
    self->environment = (void *)(uintptr_t)environment;
    self->scratch = (size_t)scratch;
    Py_INCREF(fits), self->fits = fits;
    Py_INCREF(failed), self->failed = failed;
    Py_INCREF(miss), self->miss = miss;
    Py_INCREF(tree), self->tree = tree;
    Py_INCREF(kept), self->kept = kept;
    Py_INCREF(pins), self->pins = pins;
    if (PyTuple_GET_SIZE(given_names) > 0)
        Py_INCREF(given_names), self->names = given_names;
    if (forms != Py_None)
        Py_INCREF(forms), self->forms = forms, self->args = count_arguments(forms);
    if (!read_slots(self, inputs, outputs)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int call_traverse(call *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->fits);
    Py_VISIT(self->failed);
    Py_VISIT(self->miss);
    Py_VISIT(self->tree);
    Py_VISIT(self->kept);
    Py_VISIT(self->forms);
    Py_VISIT(self->pins);
    Py_VISIT(self->names);
    return 0;
}

/* Break circles; what is called afterwards misses. */
static int call_clear(call *self)
{
    self->entry = NULL;
    Py_CLEAR(self->fits);
    Py_CLEAR(self->failed);
    Py_CLEAR(self->tree);
    Py_CLEAR(self->kept);
    Py_CLEAR(self->forms);
    Py_CLEAR(self->pins);
    Py_CLEAR(self->names);
    return 0;
}

static void call_dealloc(call *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    call_clear(self);
    for (Py_ssize_t k = 0; self->slots != NULL && k < self->inputs + self->outputs; k++)
        Py_XDECREF(self->slots[k].descr);
    PyMem_Free(self->slots);
    PyMem_Free(self->dims);
    while (self->idle != NULL) {
        frame *next = self->idle->next;
        PyMem_Free(self->idle);
        self->idle = next;
    }
    Py_XDECREF(self->miss);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef call_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(call, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot call_slots[] = {
    {Py_tp_doc, "A call of one compiled kernel: of a tuple of arguments, or a miss."},
    {Py_tp_new, (void *)call_new},
    {Py_tp_dealloc, (void *)call_dealloc},
    {Py_tp_traverse, (void *)call_traverse},
    {Py_tp_clear, (void *)call_clear},
    {Py_tp_call, (void *)PyVectorcall_Call},
    {Py_tp_members, (void *)call_members},
    {0, NULL},
};

static PyType_Spec call_spec = {
    .name = "gradc.NativeCall",
    .basicsize = (int)sizeof(call),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .slots = call_slots,
};
