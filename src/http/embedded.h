/* embedded.h -- texts that the build makes from api/ and src/http/root.html. Internal to src/http. */
#ifndef ASSAY_HTTP_EMBEDDED_H
#define ASSAY_HTTP_EMBEDDED_H

extern const char assay_openapi_yaml[], assay_openapi_json[], assay_root_page[], assay_docs_page[], assay_docs_policy[],
    assay_root_policy[];
/* api/NAME.schema.json */
extern const char assay_schema_scheme[], assay_schema_calendar[], assay_schema_rates[];

#endif
