"""The keys that move through the table of a page."""


def pressed(page, key):
    """Press a key, and return the name in the row that has the focus then, which is in sight and is the chosen one."""
    page.keyboard.press(key)
    row = page.locator("#rows tr:focus")
    name = row.locator("td.name").inner_text()
    page.wait_for_function("name => document.getElementById('chosen').textContent === name", arg=name)
    assert row.get_attribute("aria-selected") == "true"
    assert page.locator("#rows tr[tabindex='0']").count() == 1
    top, head, foot = page.locator("#list").evaluate(
        "list => [list.getBoundingClientRect().top, document.getElementById('head').offsetHeight, list.clientHeight]"
    )
    box = row.bounding_box()
    assert top + head - 1 <= box["y"]
    assert box["y"] + box["height"] <= top + foot + 2
    return name


def check_keys(page, names):
    """Press all keys in a page whose table lists names in this order."""
    page.locator("#rows tr[tabindex='0']").focus()
    assert pressed(page, "ArrowDown") == names[1]
    assert pressed(page, "End") == names[-1]
    assert page.locator("#rows tr").count() == len(names)
    assert pressed(page, "PageDown") == names[-1]  # There is none behind it.
    up = names.index(pressed(page, "PageUp"))
    step = len(names) - 1 - up
    assert 5 <= step <= 30  # as many as can be seen at once
    assert pressed(page, "Home") == names[0]
    assert page.locator("#list").evaluate("list => list.scrollTop") == 0
    assert pressed(page, "PageUp") == names[0]
    assert pressed(page, "PageDown") == names[step]
    assert pressed(page, "PageDown") == names[2 * step]
    assert pressed(page, "ArrowUp") == names[2 * step - 1]
