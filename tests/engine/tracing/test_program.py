"""Who reads a value, and the walk back from it, on programs made by hand."""

from genolift.engine.program import Dependence, Program, Step, Value, ancestors, only_reader, readers_of


def made(op, *inputs, outputs=1):
    step = Step(op, op.lower(), list(inputs), dependence=Dependence.ACTIVE)
    step.outputs = [Value(step, slot, None, "float32") for slot in range(outputs)]
    return step


def diamond():
    """x → Relu → (Exp, Tanh) → Add, and a Mul of the Add with itself; a Neg that nothing needs."""
    x = made("Input")
    relu = made("Relu", x.output)
    exp, tanh = made("Exp", relu.output), made("Tanh", relu.output)
    add = made("Add", exp.output, tanh.output)
    unused = made("Neg", exp.output)
    square = made("Mul", add.output, add.output)
    steps = [x, relu, exp, tanh, add, unused, square]
    return Program(steps, [x.output], [square.output], ["x"], ["y"]), {step.op: step for step in steps}


def ops(values):
    return [value.step.op for value in values]


def test_readers_are_the_steps_that_read_a_value_once_each_and_in_order():
    program, step = diamond()
    readers = program.readers
    assert readers[step["Relu"].output] == [step["Exp"], step["Tanh"]]
    assert readers[step["Exp"].output] == [step["Add"], step["Neg"]]
    assert readers[step["Add"].output] == [step["Mul"]]
    assert step["Mul"].output not in readers


def test_readers_follow_steps_that_are_exchanged():
    program, step = diamond()
    assert step["Neg"] in program.readers[step["Exp"].output]
    program.steps = [one for one in program.steps if one.op != "Neg"]
    assert program.readers[step["Exp"].output] == [step["Add"]]


def test_the_only_reader_reads_in_one_place():
    program, step = diamond()
    readers = readers_of(program.steps)
    assert only_reader(step["Tanh"].output, readers) is step["Add"]
    assert only_reader(step["Relu"].output, readers) is None  # two steps
    assert only_reader(step["Add"].output, readers) is None  # one step, twice
    assert only_reader(step["Mul"].output, readers) is None  # nobody


def test_the_walk_back_visits_each_value_once_each_way_to_its_end():
    program, _ = diamond()
    assert ops(ancestors(program.outputs)) == ["Mul", "Add", "Tanh", "Relu", "Input", "Exp"]
    assert ops(ancestors(program.outputs, breadth_first=True)) == ["Mul", "Add", "Exp", "Tanh", "Relu", "Input"]


def test_the_walk_back_shows_where_it_stops_and_goes_no_further():
    program, step = diamond()
    assert ops(ancestors(program.outputs, stop=lambda value: value.step.op == "Tanh")) == [
        *("Mul", "Add", "Tanh", "Exp", "Relu", "Input")
    ]
    both = {step["Tanh"].output, step["Exp"].output}
    assert ops(ancestors(program.outputs, stop=both.__contains__)) == ["Mul", "Add", "Tanh", "Exp"]


def test_the_walk_back_follows_what_it_is_told_to():
    program, _ = diamond()
    assert ops(ancestors(program.outputs, lambda value: value.step.inputs[:1])) == [
        *("Mul", "Add", "Exp", "Relu", "Input")
    ]


def test_what_is_followed_may_be_decided_when_the_value_is_seen():
    program, _ = diamond()
    on: dict[Value, list[Value]] = {}
    for value in ancestors(program.outputs, on.__getitem__):
        on[value] = [] if value.step.op == "Tanh" else value.step.inputs
    assert ops(on) == ["Mul", "Add", "Tanh", "Exp", "Relu", "Input"]


def test_pruning_leaves_out_what_no_output_needs_and_keeps_the_inputs():
    program, step = diamond()
    assert [one.op for one in program.pruned().steps] == ["Input", "Relu", "Exp", "Tanh", "Add", "Mul"]
    other = made("Input")
    program.inputs.append(other.output)
    program.steps.insert(1, other)
    program.outputs = [step["Exp"].output]
    assert program.pruned().steps == [step["Input"], other, step["Relu"], step["Exp"]]


def test_several_outputs_of_one_step_are_values_of_their_own():
    x = made("Input")
    split = made("Split", x.output, outputs=2)
    add = made("Add", *split.outputs)
    assert list(ancestors([add.output])) == [add.output, split.outputs[1], x.output, split.outputs[0]]
    assert readers_of([x, split, add])[split.outputs[0]] == [add]
