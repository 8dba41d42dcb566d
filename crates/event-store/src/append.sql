select command, fingerprint, version, position, event_types, ordinal, rejection, recorded_at
  from log.append(
      $1::text[], $2::uuid[], $3::bytea[], $4::integer[], $5::text[], $6::uuid[],
      $7::bigint[], $8::text[], $9::integer[], $10::uuid[], $11::text[], $12::uuid[],
      $13::bigint[], $14::text[], $15::smallint[], $16::timestamptz[], $17::text[], $18::text[],
      $19::bytea[], $20::boolean[], $21::integer[], $22::text[], $23::uuid[], $24::bigint[],
      $25::integer[], $26::text[], $27::uuid[], $28::bigint[], $29::integer[], $30::bytea[],
      $31::timestamptz[], $32::timestamptz[], $33::text[], $34::bigint[], $35::bigint[], $36::integer[],
      $37::bytea[], $38::text[], $39::uuid[], $40::integer[], $41::bytea[], $42::text[],
      $43::uuid[], $44::bigint[], $45::timestamptz[], $46::timestamptz[], $47::integer[], $48::text[],
      $49::uuid[], $50::text[], $51::timestamptz[], $52::uuid[], $53::text[], $54::integer[],
      $55::uuid[], $56::integer[], $57::integer[], $58::bytea[], $59::integer[], $60::uuid[], $61::integer[], $62::uuid[])
