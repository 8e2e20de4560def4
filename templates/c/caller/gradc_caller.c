/* What gradc loads so that its calls are made in C: their two types, and `Function.__call__`. */

#include "gradc_call.c"
#include "gradc_bound.c"

/* ---- gradc's `Function.__call__` ---- */

static PyObject *plain_call;   /* the same written in Python */
static PyObject *traces;       /* a list: the traces that are open in any thread */
static PyObject *quick_name;

/* Call what Python wrote, with the function itself in front. */
static PyObject *plainly(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    const size_t all = (size_t)count + (size_t)(names == NULL ? 0 : PyTuple_GET_SIZE(names));
    PyObject **given = PyMem_Malloc((all + 1) * sizeof(PyObject *));
    if (given == NULL)
        return PyErr_NoMemory();
    given[0] = self;
    if (all > 0)
        memcpy(given + 1, args, all * sizeof(PyObject *));
    PyObject *answer = PyObject_Vectorcall(plain_call, given, (size_t)count + 1, names);
    PyMem_Free(given);
    return answer;
}

static PyObject *function_call(PyObject *self, PyObject *const *args, Py_ssize_t count,
                               PyObject *names)
{
    if (PyList_GET_SIZE(traces) == 0) {
        PyObject *quick = PyObject_GetAttr(self, quick_name);
        if (quick == NULL)
            return NULL;
        if (Py_TYPE(quick) == call_type && are_named((call *)quick, names)) {
            const Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
            PyObject *answer = called((call *)quick, args, count + named, NULL);
            if (answer != ((call *)quick)->miss) {
                Py_DECREF(quick);
                return answer;
            }
            Py_DECREF(answer);
        }
        Py_DECREF(quick);
    }
    return plainly(self, args, count, names);
}

static PyMethodDef function_method = {
    "__call__", (PyCFunction)(void (*)(void))function_call, METH_FASTCALL | METH_KEYWORDS,
    "Run the compiled function, compiling it first when these argument types are new."};

/* install(type, traces): let the type be called in C; `type.quick` is asked first. */
static PyObject *install(PyObject *module, PyObject *args)
{
    PyObject *type, *list;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!", &PyType_Type, &type, &PyList_Type, &list))
        return NULL;
    if (plain_call != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a type is called in C already");
        return NULL;
    }
    PyObject *plain = PyObject_GetAttrString(type, "__call__");
    PyObject *method = PyDescr_NewMethod((PyTypeObject *)type, &function_method);
    quick_name = PyUnicode_InternFromString("quick");
    if (plain == NULL || method == NULL || quick_name == NULL) {
        Py_XDECREF(plain);
        Py_XDECREF(method);
        return NULL;
    }
    Py_INCREF(list);
    traces = list;
    plain_call = plain;
    const int failed = PyObject_SetAttrString(type, "__call__", method);
    Py_DECREF(method);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef install_function = {"install", install, METH_VARARGS, NULL};

/* ---- what guards ask ---- */

/* identical(a, b): whether two lists or tuples hold the very same objects. */
static PyObject *identical(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    for (Py_ssize_t k = 0; k < 2; k++)
        if (count != 2 || !(PyList_Check(args[k]) || PyTuple_Check(args[k]))) {
            PyErr_SetString(PyExc_TypeError, "two lists or tuples are compared");
            return NULL;
        }
    const Py_ssize_t size = PySequence_Fast_GET_SIZE(args[0]);
    int same = size == PySequence_Fast_GET_SIZE(args[1]);
    PyObject **left = PySequence_Fast_ITEMS(args[0]), **right = PySequence_Fast_ITEMS(args[1]);
    for (Py_ssize_t k = 0; same && k < size; k++)
        same = left[k] == right[k];
    return PyBool_FromLong(same);
}

static PyMethodDef identical_function = {
    "identical", (PyCFunction)(void (*)(void))identical, METH_FASTCALL, NULL};

/* ---- how it is handed over ---- */

/* Append the two types and the two functions to a Python list. */
static int hand_over(PyObject *list)
{
    if (PyArray_ImportNumPyAPI() < 0)
        return 0;
    if (call_type == NULL)
        call_type = (PyTypeObject *)PyType_FromSpec(&call_spec);
    if (bound_type == NULL)
        bound_type = (PyTypeObject *)PyType_FromSpec(&bound_spec);
    PyObject *function = PyCFunction_New(&install_function, NULL);
    PyObject *asked = PyCFunction_New(&identical_function, NULL);
    const int done = call_type != NULL && bound_type != NULL && function != NULL && asked != NULL &&
                     PyList_Append(list, (PyObject *)call_type) == 0 &&
                     PyList_Append(list, (PyObject *)bound_type) == 0 &&
                     PyList_Append(list, function) == 0 && PyList_Append(list, asked) == 0;
    Py_XDECREF(function);
    Py_XDECREF(asked);
    return done;
}

/* buffers[0] is the address of that list, buffers[1] of the Python object that keeps this library
 * loaded.  It is never let go: objects of the type may outlive every module of the interpreter. */
int32_t gradc_caller_call(void *const *buffers, const int64_t *dims);
int32_t gradc_caller_call(void *const *buffers, const int64_t *dims)
{
    (void)dims;
    const PyGILState_STATE state = PyGILState_Ensure();
    const int done = hand_over(buffers[0]);
    if (done)
        Py_INCREF((PyObject *)buffers[1]);
    else
        PyErr_Clear();
    PyGILState_Release(state);
    return done ? 0 : 1;
}
