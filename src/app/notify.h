/* notify.h -- telling the service manager how it stands (sd_notify(3)'s protocol). */
#ifndef ASSAY_APP_NOTIFY_H
#define ASSAY_APP_NOTIFY_H

/* Lines such as "READY=1"; nothing where no manager asked to be told. Never waits, never fails: it is for the manager's eyes. */
void assay_notify(const char *state);
void assay_notify_reloading(void); /* with the time that systemd wants beside it */

#endif
