/* error_codes.h -- every stable error code: name, code as the API says it, title in English and Chinese.
 * api/errors.csv lists the same for API users; a test holds the two together. Order is free, names are for ever. */
#ifndef ASSAY_ERROR_CODES_H
#define ASSAY_ERROR_CODES_H

/* clang-format off */
#define ASSAY_ERROR_CODES(X) \
    /* the request as a whole */ \
    X(INVALID_JSON,          "invalid_json",           "The body is not valid JSON",                   "请求体不是有效的 JSON") \
    X(INVALID_UTF8,          "invalid_utf8",           "The text is not valid UTF-8",                  "文本不是有效的 UTF-8") \
    X(DUPLICATE_KEY,         "duplicate_key",          "A member name occurs twice",                   "成员名重复") \
    X(TOO_DEEP,              "too_deep",               "The document is nested too deeply",            "文档嵌套过深") \
    X(NUL_CHARACTER,         "nul_character",          "NUL characters are not allowed",               "不允许空字符 (NUL)") \
    X(INVALID_CSV,           "invalid_csv",            "The row is not well-formed CSV",               "该行不是有效的 CSV") \
    X(RAGGED_ROW,            "ragged_row",             "The row has another number of cells than the header", "该行的列数与表头不符") \
    X(INVALID_GZIP,          "invalid_gzip",           "The gzip stream is damaged or ends early",     "gzip 数据损坏或不完整") \
    X(EMPTY_BODY,            "empty_body",             "The body is empty",                            "请求体为空") \
    X(UNKNOWN_PARAMETER,     "unknown_parameter",      "Unknown query parameter",                      "未知的查询参数") \
    X(INVALID_PARAMETER,     "invalid_parameter",      "A parameter has an invalid value",             "参数值无效") \
    X(INVALID_CURSOR,        "invalid_cursor",         "The cursor is not one this list gave",         "游标无效") \
    X(CURSOR_EXPIRED,        "cursor_expired",         "The cursor is not good any more; read everything anew", "游标已失效，请重新完整读取") \
    X(BAD_REQUEST,           "bad_request",            "The request is malformed",                     "请求格式错误") \
    X(UNAUTHORIZED,          "unauthorized",           "A valid key is required",                      "需要有效的密钥") \
    X(FORBIDDEN,             "forbidden",              "This key may not do that",                     "该密钥无此权限") \
    X(NOT_FOUND,             "not_found",              "No such resource",                             "资源不存在") \
    X(METHOD_NOT_ALLOWED,    "method_not_allowed",     "The method is not allowed here",               "此处不允许该方法") \
    X(NOT_ACCEPTABLE,        "not_acceptable",         "None of the accepted media types is offered",  "无法提供所接受的媒体类型") \
    X(ID_CONFLICT,           "id_conflict",            "The id was used for other content",            "该编号已用于不同内容") \
    X(PRECONDITION_FAILED,   "precondition_failed",    "The resource has changed",                     "资源已被修改") \
    X(PRECONDITION_REQUIRED, "precondition_required",  "If-Match is required",                         "需要 If-Match") \
    X(TOO_LARGE,             "too_large",              "The body is too large",                        "请求体过大") \
    X(URI_TOO_LONG,          "uri_too_long",           "The request target is too long",               "请求地址过长") \
    X(HEADERS_TOO_LARGE,     "headers_too_large",      "The request headers are too large",            "请求头过大") \
    X(UNSUPPORTED_MEDIA_TYPE,"unsupported_media_type", "The media type is not supported",              "不支持的媒体类型") \
    X(REQUEST_TIMEOUT,       "request_timeout",        "The body did not arrive in time",              "请求体未按时到达") \
    X(VALIDATION_FAILED,     "validation_failed",      "The document has errors",                      "文档有错误") \
    /* a field */ \
    X(UNKNOWN_FIELD,         "unknown_field",          "Unknown field",                                "未知字段") \
    X(REPEATED_COLUMN,       "repeated_column",        "A column stands twice in the header",          "表头中的列重复") \
    X(ATTRIBUTE_CONFLICT,    "attribute_conflict",     "An attribute and the data say different things", "属性与数据不一致") \
    X(MISSING_FIELD,         "missing_field",          "A required field is missing",                  "缺少必填字段") \
    X(WRONG_TYPE,            "wrong_type",             "The field has the wrong JSON type",            "字段类型错误") \
    X(INVALID_VALUE,         "invalid_value",          "The field has an invalid value",               "字段值无效") \
    X(OUT_OF_RANGE,          "out_of_range",           "The value is out of range",                    "数值超出范围") \
    X(TOO_LONG,              "too_long",               "The text is too long",                         "文本过长") \
    X(INVALID_TIME,          "invalid_time",           "The instant is not RFC 3339 or does not exist", "时间不符合 RFC 3339 或不存在") \
    X(MISSING_OFFSET,        "missing_offset",         "The instant has no UTC offset",                "时间缺少时区偏移") \
    X(AMBIGUOUS_TIME,        "ambiguous_time",         "The local time occurs twice in its zone",      "该本地时间在其时区出现两次") \
    X(FUTURE_TIME,           "future_time",            "The instant lies in the future",               "时间在未来") \
    /* a record against what is known */ \
    X(UNKNOWN_PROVIDER,      "unknown_provider",       "The provider is not registered",               "服务商未登记") \
    X(SENDER_NOT_ALLOWED,    "sender_not_allowed",     "This sender may not send this record",         "该发送方无权发送此记录") \
    X(ORDER_FULL,            "order_full",             "The order holds too many records",             "维修单的记录过多") \
    X(ORDER_CLOSED,          "order_closed",           "The order is closed",                          "维修单已结单") \
    X(KEY_ENDED,             "key_ended",              "The key has expired or was revoked",           "密钥已过期或已撤销") \
    X(UPLOAD_REFUSED,        "upload_refused",         "The upload was refused as a whole",            "上传被整体拒绝") \
    X(UPLOAD_RUNNING,        "upload_running",         "The upload is still running",                  "上传仍在进行") \
    /* the server */ \
    X(RATE_LIMITED,          "rate_limited",           "This key asks too often; wait as long as Retry-After says", "该密钥请求过于频繁，请按 Retry-After 等待") \
    X(OVERLOADED,            "overloaded",             "Too much is waiting; try again shortly",       "系统繁忙，请稍后重试") \
    X(RECOMPUTATION_BUSY,    "recomputation_busy",     "Another change is still being worked out",    "另一项变更仍在重新计算") \
    X(RECOMPUTATION_FAILED,  "recomputation_failed",   "The change could not be worked out",          "变更无法完成重新计算") \
    X(DRAINING,              "draining",               "The server is shutting down",                  "服务器正在关闭") \
    X(DATABASE_UNAVAILABLE,  "database_unavailable",   "The database cannot be reached",               "数据库不可用") \
    X(DATABASE,              "database_error",         "The database refused a statement",             "数据库拒绝了语句") \
    X(RETRY,                 "retry",                  "The transaction must be tried again",          "事务需要重试") \
    X(IO,                    "io_error",               "A file or socket operation failed",            "文件或套接字操作失败") \
    X(CONFIG,                "invalid_configuration",  "The configuration has an error",               "配置有误") \
    X(OVERFLOW,              "overflow",               "A number does not fit",                        "数值溢出") \
    X(INTERNAL,              "internal_error",         "An unexpected error",                          "内部错误")
/* clang-format on */

#endif
