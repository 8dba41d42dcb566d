use std::collections::HashSet;

use super::*;

fn every_error() -> Vec<ApiError> {
    vec![
        ApiError::validation("limit", "at most 200"),
        ApiError::NotFound("there is no ticket".to_owned()),
        ApiError::MethodNotAllowed,
        ApiError::PayloadTooLarge(1),
        ApiError::Unauthorized,
        ApiError::Forbidden,
        ApiError::NotAcceptable("application/json"),
        ApiError::NotCaughtUp { position: 1, asked: 2 },
        ApiError::Overloaded("too many"),
        ApiError::Blocked("ticket".to_owned()),
        ApiError::Unavailable,
        ApiError::Internal,
    ]
}

#[test]
fn every_error_has_a_code_of_its_own() {
    let codes: HashSet<&str> = every_error().iter().map(|error| error.parts().0).collect();
    assert_eq!(codes.len(), every_error().len());
}

#[test]
fn every_error_is_problem_json_and_whoever_may_ask_again_is_told_when() {
    for error in every_error() {
        let again = error.parts().1 == StatusCode::SERVICE_UNAVAILABLE;
        let response = error.into_response();
        let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        assert_eq!(header(header::CONTENT_TYPE), Some("application/problem+json"));
        assert_eq!(header(header::RETRY_AFTER).is_some(), again);
        let asks_for_a_key = response.status() == StatusCode::UNAUTHORIZED;
        assert_eq!(header(header::WWW_AUTHENTICATE), asks_for_a_key.then_some("Bearer"));
    }
}

#[test]
fn a_validation_error_names_the_parameter() {
    let problem = serde_json::to_value(Problem::from(&ApiError::validation("limit", "at most 200"))).unwrap();
    assert_eq!(problem["code"], "validation");
    assert_eq!(problem["errors"][0]["parameter"], "limit");
    assert_eq!(problem["detail"], "limit: at most 200");
}

#[test]
fn a_database_that_is_away_is_unavailable_and_a_wrong_column_is_a_defect() {
    assert_eq!(ApiError::from(sqlx::Error::PoolTimedOut).parts().0, "unavailable");
    assert_eq!(ApiError::from(sqlx::Error::ColumnNotFound("x".to_owned())).parts().0, "internal");
}

#[test]
fn a_model_that_was_never_projected_is_unavailable() {
    assert_eq!(ApiError::from(sqlx::Error::RowNotFound).parts().0, "unavailable");
}
