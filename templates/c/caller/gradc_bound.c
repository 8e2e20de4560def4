/* A kernel bound to its buffers, called without arguments.
 *
 * `bound` holds the block of pointers that the kernel is given, each time the same, and what a call
 * returns, each time the same.  Whoever makes it says what to keep alive for that.  One thread at a
 * time: the block names one set of results and one scratch memory.
 */

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    kernel entry;
    void **block;
    PyObject *failed, *returned, *kept;
} bound;

static PyTypeObject *bound_type;

static PyObject *bound_vector(PyObject *given, PyObject *const *args, size_t flags, PyObject *names)
{
    bound *self = (bound *)given;
    int32_t code;
    (void)args;
    if (PyVectorcall_NARGS(flags) != 0 || (names != NULL && PyTuple_GET_SIZE(names) > 0)) {
        PyErr_SetString(PyExc_TypeError, "a bound function takes no arguments");
        return NULL;
    }
    if (self->entry == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this bound function was taken apart");
        return NULL;
    }
    PyObject *returned = self->returned;
    Py_INCREF(self);
    Py_INCREF(returned);
    Py_BEGIN_ALLOW_THREADS
    code = self->entry(self->block, NULL);
    Py_END_ALLOW_THREADS
    if (code != 0) {
        Py_CLEAR(returned);
        raise_failure(self->failed, code);
    }
    Py_DECREF(self);
    return returned;
}

/* bound(entry, addresses, failed, returned, kept): `addresses` are all that the kernel is given. */
static PyObject *bound_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    PyObject *addresses, *failed, *returned, *kept;
    unsigned long long entry;
    if (names != NULL && PyDict_GET_SIZE(names) > 0) {
        PyErr_SetString(PyExc_TypeError, "a bound function is made of positional arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "KO!OOO", &entry, &PyTuple_Type, &addresses, &failed, &returned,
                          &kept))
        return NULL;
    const Py_ssize_t count = PyTuple_GET_SIZE(addresses);
    bound *self = (bound *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->vectorcall = bound_vector;
    self->entry = (kernel)(uintptr_t)entry;
    Py_INCREF(failed), self->failed = failed;
    Py_INCREF(returned), self->returned = returned;
    Py_INCREF(kept), self->kept = kept;
    self->block = PyMem_Calloc((size_t)count + 1, sizeof(void *));
    if (self->block == NULL)
        PyErr_NoMemory();
    for (Py_ssize_t k = 0; k < count && !PyErr_Occurred(); k++)
        self->block[k] = PyLong_AsVoidPtr(PyTuple_GET_ITEM(addresses, k));
    if (PyErr_Occurred()) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int bound_traverse(bound *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->failed);
    Py_VISIT(self->returned);
    Py_VISIT(self->kept);
    return 0;
}

/* Break circles; what is called afterwards refuses. */
static int bound_clear(bound *self)
{
    self->entry = NULL;
    Py_CLEAR(self->failed);
    Py_CLEAR(self->returned);
    Py_CLEAR(self->kept);
    return 0;
}

static void bound_dealloc(bound *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    bound_clear(self);
    PyMem_Free(self->block);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef bound_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(bound, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot bound_slots[] = {
    {Py_tp_doc, "One compiled kernel over the same arrays each time; called without arguments."},
    {Py_tp_new, (void *)bound_new},
    {Py_tp_dealloc, (void *)bound_dealloc},
    {Py_tp_traverse, (void *)bound_traverse},
    {Py_tp_clear, (void *)bound_clear},
    {Py_tp_call, (void *)PyVectorcall_Call},
    {Py_tp_members, (void *)bound_members},
    {0, NULL},
};

static PyType_Spec bound_spec = {
    .name = "gradc.NativeBound",
    .basicsize = (int)sizeof(bound),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .slots = bound_slots,
};
