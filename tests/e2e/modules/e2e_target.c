// SPDX-License-Identifier: GPL-2.0
/* What klp_e2e_stall patches: whoever writes N to /proc/e2e_sleep sleeps N seconds in it, and no
 * signal helps. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/uaccess.h>

noinline int e2e_sleeper(unsigned int seconds)
{
	msleep(seconds * 1000);
	pr_info("e2e_sleeper: %u s\n", seconds);
	return 0;
}

static ssize_t take(struct file *file, const char __user *text, size_t n, loff_t *offset)
{
	unsigned int seconds;
	int r = kstrtouint_from_user(text, n, 10, &seconds);

	if (r)
		return r;
	e2e_sleeper(seconds);
	return n;
}

static const struct proc_ops operations = { .proc_write = take };

static int __init begin(void)
{
	return proc_create("e2e_sleep", 0200, NULL, &operations) ? 0 : -ENOMEM;
}

static void __exit end(void)
{
	remove_proc_entry("e2e_sleep", NULL);
}

module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
